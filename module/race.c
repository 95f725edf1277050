/* race.c --- the route race (the manual, "Plans"): which route leads to the server, and what the others met.

   Floor 6.  SPDX-License-Identifier: GPL-3.0-or-later  */

#include "race.h"
#include "resolve.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* RFC 8305 section 8: how long the second family's addresses are waited for once the first one's are there.  */
#define RESOLUTION_DELAY MSUB_MSECS (50)
/* What a preferred port is granted beyond two round trips once a less preferred one has answered: it covers a
   server that is slower to accept there, and a lost SYN on a short path.  */
#define GRACE_MARGIN MSUB_MSECS (500)

/* RFC 8305 section 5: the least time between two attempts.  */
#define ATTEMPT_DELAY_MIN MSUB_MSECS (10)

#define ATTEMPTS_MAX 64
/* Where routes are tried one after the other, each silence takes the whole time: this many end a route.  */
#define SILENCES_MAX 2

struct msub_race
{
  const struct msub_way *way;
  const struct msub_race_options *options;
  struct msub_lookup *lookups[2]; /* IPv4, IPv6; NULL where no route wants the family */
  bool reported[2];
  msub_time started, first_answer;
  size_t ports;                    /* how many there are */
  size_t tiers[MSUB_ROUTES_MAX];   /* each route's port's place in the order of preference; demoted ones come after all */
  int barred[MSUB_ROUTES_MAX];     /* ports that are not to be used any more */
  size_t barred_count;
  int only_port;                   /* 0: any */
  size_t next_address[MSUB_ROUTES_MAX];
  struct msub_attempt attempts[ATTEMPTS_MAX];
  size_t count;
  size_t last;                     /* the attempt started last */
  bool any_started;
};

static bool
tunnelled (const struct msub_race *race)
{
  return race->way->tunnel.kind != MSUB_TUNNEL_NONE;
}

/* Look-ups */

static int
family_index (int family)
{
  return family == AF_INET6;
}

static void
report_lookup (struct msub_race *race, int index)
{
  if (race->reported[index])
    return;
  race->reported[index] = true;
  const struct msub_lookup *lookup = race->lookups[index];
  const struct msub_address *addresses;
  size_t count = msub_lookup_done (lookup) ? msub_lookup_addresses (lookup, &addresses) : 0;
  msub_lookup_report (lookup, race->way->context, race->started);
  if (count > 0 && race->first_answer == 0)
    race->first_answer = msub_now ();
}

/* Attempts */

/* Give up what is still under way, or held, since another attempt has won.  */
static void
release_losers (struct msub_race *race)
{
  for (size_t i = 0; i < race->count; i++)
    {
      struct msub_attempt *attempt = &race->attempts[i];
      if (attempt->state == MSUB_CONNECTING || attempt->state == MSUB_CONNECTED)
        msub_attempt_give_up (attempt);
    }
}

/* The order of things */

static const struct msub_lookup *
lookup_of (const struct msub_race *race, size_t route)
{
  return race->lookups[family_index (race->options->routes[route].family)];
}

static bool
lookups_expired (const struct msub_race *race)
{
  return msub_now () >= race->started + MSUB_MSECS (race->options->connect_timeout_msecs);
}

static bool
is_preferred (const struct msub_race *race, const struct msub_route *route)
{
  return route->port == race->options->routes[0].port;
}

static bool
may_try (const struct msub_race *race, const struct msub_route *route)
{
  return !msub_race_barred (race, route->port) && (race->only_port == 0 || route->port == race->only_port);
}

static bool
waits_for_lookup (const struct msub_race *race, size_t route)
{
  return may_try (race, &race->options->routes[route]) && !tunnelled (race)
         && !msub_lookup_done (lookup_of (race, route)) && !lookups_expired (race);
}

/* Each route gets its share, so that the last port has attempts, too.  */
static bool
exhausted (const struct msub_race *race, size_t route)
{
  size_t silences = 0;
  for (size_t i = 0; i < race->count; i++)
    silences += race->attempts[i].verdict.kase == MSUB_CASE_SILENT
                && race->attempts[i].route.port == race->options->routes[route].port
                && race->attempts[i].route.family == race->options->routes[route].family;
  return race->next_address[route] >= ATTEMPTS_MAX / race->options->count
         || (!race->options->raced && silences >= SILENCES_MAX);
}

/* The attempt that the tunnel itself ended, before it asked for any port, or NULL: at another port it would do the same, and
   each log-in that is refused counts where it is refused.  */
static const struct msub_attempt *
tunnel_failure (const struct msub_race *race)
{
  for (size_t i = 0; tunnelled (race) && i < race->count; i++)
    if (race->attempts[i].state == MSUB_JUDGED && !race->attempts[i].asked)
      return &race->attempts[i];
  return NULL;
}

/* Is there an address of ROUTE that no attempt has been made for?  */
static bool
has_fresh_address (const struct msub_race *race, size_t route)
{
  const struct msub_address *addresses;
  if (!may_try (race, &race->options->routes[route]))
    return false;
  if (tunnelled (race))
    {
      /* One attempt a port: its first route's.  */
      for (size_t i = 0; i < route; i++)
        if (race->tiers[i] == race->tiers[route])
          return false;
      return race->next_address[route] == 0 && !tunnel_failure (race);
    }
  return msub_lookup_done (lookup_of (race, route)) && !exhausted (race, route)
         && race->next_address[route] < msub_lookup_addresses (lookup_of (race, route), &addresses);
}

static struct msub_attempt *
fresh_attempt (struct msub_race *race, size_t route)
{
  struct msub_attempt *attempt = &race->attempts[race->count++];
  *attempt = (struct msub_attempt) {
    .way = race->way,
    .id = race->count - 1,
    .route = race->options->routes[route],
    .tier = race->tiers[route],
    .state = MSUB_PENDING,
    .fd = -1,
    .second_fd = -1,
  };
  size_t index = race->next_address[route]++;
  attempt->first = index == 0;
  const struct msub_address *addresses;
  if (tunnelled (race))
    snprintf (attempt->address.text, sizeof attempt->address.text, "%.*s", (int) sizeof attempt->address.text - 1,
              race->way->host);
  else
    {
      msub_lookup_addresses (lookup_of (race, route), &addresses);
      attempt->address = addresses[index];
    }
  return attempt;
}

/* A loser of an earlier round that may be tried again.  */
static bool
is_pending (const struct msub_race *race, const struct msub_attempt *attempt)
{
  return attempt->state == MSUB_PENDING && may_try (race, &attempt->route);
}

static struct msub_attempt *
pending_attempt (struct msub_race *race, size_t tier, bool first)
{
  for (size_t i = 0; i < race->count; i++)
    if (is_pending (race, &race->attempts[i]) && race->attempts[i].tier == tier && race->attempts[i].first >= first)
      return &race->attempts[i];
  return NULL;
}

/* The next attempt of TIER, or NULL with *WAIT_R set when a look-up has to be waited for first.  In a race the
   families take turns, the plan's first family first (RFC 8305 section 4); else it goes route by route.  FIRST: only to the
   first address of each route.  */
static struct msub_attempt *
next_of_tier (struct msub_race *race, size_t tier, bool first, bool *wait_r)
{
  struct msub_attempt *again = pending_attempt (race, tier, first);
  if (again)
    return again;
  size_t best = race->options->count;
  bool resolution_delay = race->first_answer == 0 || msub_now () < race->first_answer + RESOLUTION_DELAY;
  for (size_t i = 0; i < race->options->count; i++)
    {
      if (race->tiers[i] != tier)
        continue;
      if (waits_for_lookup (race, i) && (resolution_delay || !race->options->raced)
          && best == race->options->count)
        {
          *wait_r = true;
          return NULL;
        }
      if (has_fresh_address (race, i) && !(first && race->next_address[i] > 0)
          && (best == race->options->count
              || (race->options->raced && race->next_address[i] < race->next_address[best])))
        best = i;
    }
  return best < race->options->count ? fresh_attempt (race, best) : NULL;
}

/* The tier of an attempt that has connected: a demoted port that answers is blocked no longer.  */
static size_t
connected_tier (const struct msub_race *race, const struct msub_attempt *attempt)
{
  return attempt->tier % race->ports;
}

/* The most preferred tier with a connection, or SIZE_MAX.  */
static size_t
held_tier (const struct msub_race *race, const struct msub_attempt **held_r)
{
  size_t tier = SIZE_MAX;
  for (size_t i = 0; i < race->count; i++)
    if (race->attempts[i].state == MSUB_CONNECTED && connected_tier (race, &race->attempts[i]) < tier)
      {
        tier = connected_tier (race, &race->attempts[i]);
        *held_r = &race->attempts[i];
      }
  return tier;
}

static size_t
tier_count (const struct msub_race *race)
{
  size_t count = 0;
  for (size_t i = 0; i < race->options->count; i++)
    if (race->tiers[i] >= count)
      count = race->tiers[i] + 1;
  return count;
}

/* When the attempt after the last one may start.  Once a less preferred port has answered, the preferred one's other addresses
   have been waited for long enough, and only their verdicts are missing.  */
static msub_time
next_due (const struct msub_race *race, bool held)
{
  if (!race->any_started || race->attempts[race->last].state != MSUB_CONNECTING)
    return 0;
  /* What a tunnel has not asked for yet is no port's delay.  */
  if (!race->options->raced || msub_attempt_on_its_way (&race->attempts[race->last]))
    return INT64_MAX;
  msub_time delay = MSUB_MSECS (race->options->attempt_delay_msecs);
  return race->attempts[race->last].started + (held && delay > ATTEMPT_DELAY_MIN ? ATTEMPT_DELAY_MIN : delay);
}

/* Start what is due in plan order, or (FIRST) of that what goes to the first address of its route.  Returns when the next start
   is due (INT64_MAX: it depends), 0 when there is no more to start.  */
static msub_time
start_some (struct msub_race *race, bool first)
{
  const struct msub_attempt *held = NULL;
  size_t limit = held_tier (race, &held);
  for (size_t tier = 0; tier < tier_count (race) && tier < limit;)
    {
      msub_time due = next_due (race, held != NULL);
      if (msub_now () < due)
        return due;
      bool wait = false;
      struct msub_attempt *attempt = next_of_tier (race, tier, first, &wait);
      if (wait) /* the look-up's own descriptor ends the wait, or in a race the Resolution Delay */
        return race->options->raced && race->first_answer ? race->first_answer + RESOLUTION_DELAY : INT64_MAX;
      if (!attempt)
        {
          tier++;
          continue;
        }
      race->last = attempt->id;
      race->any_started = true;
      msub_attempt_start (attempt);
      limit = held_tier (race, &held);
    }
  return 0;
}

/* In a race a host with many addresses must not keep the next port waiting for all of them: each port's first addresses come
   before the others.  */
static msub_time
start_due (struct msub_race *race)
{
  msub_time due = race->options->raced ? start_some (race, true) : 0;
  if (due == 0)
    due = start_some (race, false);
  return due ? due : INT64_MAX;
}

/* A port that has let two SYNs go by for two round trips and a margin, while another port of the host answered, is
   silent.  Send the second SYN where it has not been sent, judge what is overdue.  Returns the next deadline, which is 0
   when an attempt has come to its end, so that what follows it need not wait.  */
static msub_time
mind_deadlines (struct msub_race *race)
{
  const struct msub_attempt *held = NULL;
  size_t tier = held_tier (race, &held);
  msub_time next = INT64_MAX;
  for (size_t i = 0; i < race->count; i++)
    {
      struct msub_attempt *attempt = &race->attempts[i];
      if (attempt->state != MSUB_CONNECTING)
        continue;
      msub_time deadline = msub_attempt_deadline (attempt, race->options->connect_timeout_msecs);
      msub_time grace = 0;
      if (held && attempt->tier < tier && !msub_attempt_on_its_way (attempt))
        {
          if (attempt->second_started == 0)
            msub_attempt_insist (attempt);
          if (attempt->state != MSUB_CONNECTING)
            {
              next = 0;
              continue;
            }
          msub_time granted = 2 * held->round_trip + GRACE_MARGIN;
          if (attempt->second_started + granted < deadline)
            {
              grace = granted;
              deadline = attempt->second_started + grace;
            }
        }
      if (msub_now () >= deadline)
        {
          msub_attempt_silent (attempt, deadline, grace);
          next = 0;
        }
      else if (deadline < next)
        next = deadline;
    }
  return next;
}

/* May a more preferred tier than HELD's still bring a connection?  An unanswered look-up counts for as long as a
   silent port would.  */
static bool
better_possible (const struct msub_race *race, const struct msub_attempt *held, msub_time *until_r)
{
  size_t tier = connected_tier (race, held);
  for (size_t i = 0; i < race->count; i++)
    {
      const struct msub_attempt *attempt = &race->attempts[i];
      if ((attempt->state == MSUB_CONNECTING || is_pending (race, attempt)) && attempt->tier < tier)
        return true;
    }
  bool waits = false;
  for (size_t i = 0; i < race->options->count; i++)
    {
      if (race->tiers[i] < tier && has_fresh_address (race, i))
        return true;
      waits = waits || (race->tiers[i] < tier && waits_for_lookup (race, i));
    }
  *until_r = held->started + 3 * held->round_trip + GRACE_MARGIN;
  return waits && msub_now () < *until_r;
}

static bool
anything_left (const struct msub_race *race)
{
  for (size_t i = 0; i < race->count; i++)
    if (race->attempts[i].state == MSUB_CONNECTING || is_pending (race, &race->attempts[i]))
      return true;
  for (size_t i = 0; i < race->options->count; i++)
    if (waits_for_lookup (race, i) || has_fresh_address (race, i))
      return true;
  return false;
}

/* Wait until something happens to a look-up or an attempt, or until DEADLINE, and note it.  */
static int
wait_for_news (struct msub_race *race, msub_time deadline, struct msub_error *err)
{
  struct pollfd fds[1 + 2 + MSUB_ATTEMPT_POLL_MAX * ATTEMPTS_MAX];
  size_t owner[1 + 2 + MSUB_ATTEMPT_POLL_MAX * ATTEMPTS_MAX];
  nfds_t count = 1;
  msub_time expiry = race->started + MSUB_MSECS (race->options->connect_timeout_msecs);
  for (int i = 0; i < 2; i++)
    if (race->lookups[i] && !race->reported[i])
      {
        fds[count++] = (struct pollfd) { .fd = msub_lookup_fd (race->lookups[i]), .events = POLLIN };
        deadline = expiry < deadline ? expiry : deadline;
      }
  nfds_t first_attempt = count;
  for (size_t i = 0; i < race->count; i++)
    {
      if (race->attempts[i].state != MSUB_CONNECTING)
        continue;
      nfds_t more = msub_attempt_poll (&race->attempts[i], fds + count);
      for (nfds_t j = 0; j < more; j++)
        owner[count++] = i;
    }
  if (msub_wait_poll (race->way->context, fds, count, deadline, err) < 0)
    return -1;
  for (nfds_t i = first_attempt; i < count; i++)
    {
      struct msub_attempt *attempt = &race->attempts[owner[i]];
      if (fds[i].revents && attempt->state == MSUB_CONNECTING)
        msub_attempt_look (attempt, fds[i].fd);
    }
  return 0;
}

static void
note_lookups (struct msub_race *race)
{
  for (int i = 0; i < 2; i++)
    if (race->lookups[i] && (msub_lookup_done (race->lookups[i]) || lookups_expired (race)))
      report_lookup (race, i);
}

static void
hand_over (struct msub_race *race, struct msub_attempt *attempt, struct msub_winner *winner_r)
{
  *winner_r = (struct msub_winner) {
    .attempt = attempt->id,
    .fd = attempt->fd,
    .route = attempt->route,
    .address = attempt->address,
    .fallback = !is_preferred (race, &attempt->route),
    .tunnel = attempt->tunnel,
    .tunnelled = tunnelled (race),
    .msecs = msub_msecs_since (race->started),
  };
  msub_address_port (&winner_r->address, winner_r->route.port);
  attempt->fd = -1;
  attempt->tunnel = NULL;
  attempt->state = MSUB_TAKEN;
  msub_attempt_report (attempt, false);
  release_losers (race);
}

/* How many of the host's addresses no route has been tried to.  */
static size_t
untried_addresses (const struct msub_race *race)
{
  size_t untried = 0;
  for (int i = 0; i < 2; i++)
    {
      const struct msub_address *addresses;
      const struct msub_lookup *lookup = race->lookups[i];
      size_t tried = 0;
      for (size_t route = 0; lookup && route < race->options->count; route++)
        if (lookup_of (race, route) == lookup && race->next_address[route] > tried)
          tried = race->next_address[route];
      if (lookup && msub_lookup_done (lookup))
        untried += msub_lookup_addresses (lookup, &addresses) + msub_lookup_left_out (lookup) - tried;
    }
  return untried;
}

/* No route led anywhere: say so with every attempt's verdict.  */
static int
fail_all (const struct msub_race *race, struct msub_error *err)
{
  const char *host = race->way->host;
  if (race->count == 0)
    return msub_lookup_fail (race->lookups, host, err);
  const struct msub_attempt *failure = tunnel_failure (race);
  if (failure && race->count == 1)
    {
      err->about = "tunnel";
      return msub_fail (err, MSUB_CONNECT, "No way leads through the tunnel to %s: %s", host, failure->words);
    }
  char words[MSUB_TEXT_MAX - 256] = "";
  for (size_t i = 0; i < race->count; i++)
    {
      const struct msub_attempt *attempt = &race->attempts[i];
      size_t length = strlen (words);
      if (tunnelled (race))
        snprintf (words + length, sizeof words - length, "%sport %d: %s", i ? "; " : "",
                  attempt->route.port, attempt->words);
      else
        snprintf (words + length, sizeof words - length, "%sport %d over %s (%s): %s", i ? "; " : "",
                  attempt->route.port, attempt->route.family == AF_INET6 ? "IPv6" : "IPv4",
                  attempt->address.text, attempt->words);
    }
  char more[64] = "";
  size_t untried = tunnelled (race) ? 0 : untried_addresses (race);
  if (untried > 0)
    snprintf (more, sizeof more, " (%zu more of its addresses were not tried)", untried);
  return msub_fail (err, MSUB_CONNECT, "No route leads to %s%s: %s", host, more, words);
}

int
msub_race_next (struct msub_race *race, struct msub_winner *winner_r, struct msub_error *err)
{
  race->any_started = false;
  for (;;)
    {
      if (msub_wait_cancelled (race->way->context, err))
        return -1;
      note_lookups (race);
      msub_time next_start = start_due (race);
      msub_time next_deadline = mind_deadlines (race);
      const struct msub_attempt *held = NULL;
      held_tier (race, &held);
      msub_time until = INT64_MAX;
      if (held && !better_possible (race, held, &until))
        {
          hand_over (race, &race->attempts[held->id], winner_r);
          return 0;
        }
      if (!held && !anything_left (race))
        return fail_all (race, err);
      msub_time deadline = next_start < next_deadline ? next_start : next_deadline;
      deadline = until < deadline ? until : deadline;
      if (wait_for_news (race, deadline, err))
        return -1;
    }
}

void
msub_race_judge (struct msub_race *race, size_t attempt, enum msub_case kase, const char *words)
{
  struct msub_attempt *judged = &race->attempts[attempt];
  if (judged->state == MSUB_JUDGED)
    return;
  judged->state = MSUB_JUDGED;
  judged->verdict.kase = kase;
  msub_text_clean (judged->words, sizeof judged->words, words, strlen (words));
  msub_attempt_report (judged, false);
}

void
msub_race_bar (struct msub_race *race, int port)
{
  if (!msub_race_barred (race, port))
    race->barred[race->barred_count++] = port;
  race->only_port = 0;
}

bool
msub_race_barred (const struct msub_race *race, int port)
{
  for (size_t i = 0; i < race->barred_count; i++)
    if (race->barred[i] == port)
      return true;
  return false;
}

bool
msub_race_stay (struct msub_race *race, int port)
{
  race->only_port = port;
  return anything_left (race);
}

size_t
msub_race_ports_left (const struct msub_race *race)
{
  return race->ports - race->barred_count;
}

/* Each port's place in the order of preference, and behind all of them once more for what is demoted.  */
static void
rank_routes (struct msub_race *race)
{
  const struct msub_route *routes = race->options->routes;
  for (size_t i = 0; i < race->options->count; i++)
    {
      size_t same = 0;
      while (same < i && routes[same].port != routes[i].port)
        same++;
      race->tiers[i] = same < i ? race->tiers[same] : race->ports++;
    }
  for (size_t i = 0; i < race->options->count; i++)
    if (routes[i].demoted && !race->options->asks)
      race->tiers[i] += race->ports;
}

struct msub_race *
msub_race_new (const struct msub_way *way, const struct msub_race_options *options, struct msub_error *err)
{
  struct msub_race *race = calloc (1, sizeof *race);
  if (!race)
    {
      msub_fail (err, MSUB_INTERNAL, "Out of memory");
      return NULL;
    }
  race->way = way;
  race->options = options;
  race->started = msub_now ();
  rank_routes (race);
  for (size_t i = 0; i < options->count && !tunnelled (race); i++)
    {
      struct msub_lookup **lookup = &race->lookups[family_index (options->routes[i].family)];
      if (!*lookup)
        *lookup = msub_lookup_start (way->host, options->routes[i].family, err);
      if (!*lookup)
        {
          msub_race_free (&race);
          return NULL;
        }
    }
  return race;
}

void
msub_race_free (struct msub_race **race)
{
  if (!*race)
    return;
  for (size_t i = 0; i < (*race)->count; i++)
    msub_attempt_close (&(*race)->attempts[i]);
  for (int i = 0; i < 2; i++)
    msub_lookup_free (&(*race)->lookups[i]);
  free (*race);
  *race = NULL;
}
