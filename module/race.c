/* race.c --- the route race (README.org, "Plans"): which route leads to the server, and what the others met.

   Floor 3.  SPDX-License-Identifier: GPL-3.0-or-later  */

#define _GNU_SOURCE
#include "race.h"
#include "resolve.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>
#ifdef __linux__
#include <linux/errqueue.h>
#endif

/* RFC 8305 section 8: how long the second family's addresses are waited for once the first one's are there.  */
#define RESOLUTION_DELAY MSUB_MSECS (50)
/* What a preferred port is granted beyond two round trips once a less preferred one has answered: it covers a
   server that is slower to accept there, and a lost SYN on a short path.  */
#define GRACE_MARGIN MSUB_MSECS (500)

#define ATTEMPTS_MAX 64

enum state
{
  PENDING,    /* not started, or to be started again */
  CONNECTING,
  CONNECTED,  /* held, or the winner to be */
  TAKEN,      /* handed over */
  JUDGED,     /* has a verdict other than "answered" */
};

struct attempt
{
  enum state state;
  size_t route;
  struct msub_address address;
  int fd, second_fd;           /* the second SYN is sent when another port has answered */
  struct msub_tunnel *tunnel;  /* instead of FD, until it is open */
  msub_time started, second_started;
  msub_time round_trip;        /* once CONNECTED */
  double msecs;                /* from the start to the verdict */
  struct msub_verdict verdict;
  struct msub_evidence evidence;
  struct msub_address offender;
  char words[256];
};

struct msub_race
{
  const struct msub_context *context;
  const struct msub_race_options *options;
  struct msub_lookup *lookups[2]; /* IPv4, IPv6; NULL where no route wants the family */
  bool reported[2];
  msub_time started, first_answer;
  size_t tiers[MSUB_ROUTES_MAX];   /* each route's port's place in the order of preference */
  size_t next_address[MSUB_ROUTES_MAX];
  struct attempt attempts[ATTEMPTS_MAX];
  size_t count;
  size_t last;                     /* the attempt started last */
  bool any_started;
  bool queue_readable;
};

static const char *const tls_mode_names[] = { "none", "starttls", "implicit" };
_Static_assert (sizeof tls_mode_names / sizeof *tls_mode_names == MSUB_TLS_MODES, "a name for each mode");

const char *
msub_tls_mode_name (enum msub_tls_mode mode)
{
  return tls_mode_names[mode];
}

const char *
msub_family_name (int family)
{
  return family == AF_INET6 ? "ipv6" : "ipv4";
}

static bool
tunnelled (const struct msub_race *race)
{
  return race->options->tunnel.kind != MSUB_TUNNEL_NONE;
}

static const char *
family_words (int family)
{
  return family == AF_INET6 ? "IPv6" : "IPv4";
}

/* ICMP errors on a connecting socket: the only part that is the kernel's own business */

static bool
queue_is_readable (void)
{
#ifdef __linux__
  struct utsname name;
  int major = 0, minor = 0;
  if (uname (&name) || sscanf (name.release, "%d.%d", &major, &minor) != 2)
    return false;
  /* "tcp: allow traceroute -Mtcp for unpriv users", Linux 5.8.  */
  return major > 5 || (major == 5 && minor >= 8);
#else
  return false;
#endif
}

static void
listen_for_icmp (int fd, int family, bool on)
{
#ifdef __linux__
  int value = on;
  if (family == AF_INET6)
    setsockopt (fd, IPPROTO_IPV6, IPV6_RECVERR, &value, sizeof value);
  else
    setsockopt (fd, IPPROTO_IP, IP_RECVERR, &value, sizeof value);
#else
  (void) fd, (void) family, (void) on;
#endif
}

#ifdef __linux__
static void
note_icmp (struct attempt *attempt, struct sock_extended_err *e)
{
  if (e->ee_origin != SO_EE_ORIGIN_ICMP && e->ee_origin != SO_EE_ORIGIN_ICMP6)
    return;
  struct msub_evidence *evidence = &attempt->evidence;
  evidence->icmp = true;
  evidence->ipv6 = e->ee_origin == SO_EE_ORIGIN_ICMP6;
  evidence->type = e->ee_type;
  evidence->code = e->ee_code;
  const struct sockaddr *offender = SO_EE_OFFENDER (e);
  if (offender->sa_family != AF_INET && offender->sa_family != AF_INET6)
    return;
  socklen_t length = offender->sa_family == AF_INET ? sizeof (struct sockaddr_in) : sizeof (struct sockaddr_in6);
  memcpy (&attempt->offender.sockaddr, offender, length);
  attempt->offender.length = length;
  msub_address_name (&attempt->offender);
  evidence->offender_is_self = msub_address_own (offender);
  evidence->offender_is_server
    = msub_address_equal (offender, (const struct sockaddr *) &attempt->address.sockaddr);
}
#endif

/* Read the error queue of FD into ATTEMPT's evidence.  SO_ERROR has been read before: this clears it.  */
static void
read_icmp (struct attempt *attempt, int fd)
{
#ifdef __linux__
  for (;;)
    {
      char control[512];
      struct msghdr message = { .msg_control = control, .msg_controllen = sizeof control };
      if (recvmsg (fd, &message, MSG_ERRQUEUE | MSG_DONTWAIT) < 0)
        return;
      for (struct cmsghdr *c = CMSG_FIRSTHDR (&message); c; c = CMSG_NXTHDR (&message, c))
        if ((c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_RECVERR)
            || (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_RECVERR))
          note_icmp (attempt, (struct sock_extended_err *) CMSG_DATA (c));
    }
#else
  (void) attempt, (void) fd;
#endif
}

/* Reporting */

static const struct msub_route *
route_of (const struct msub_race *race, const struct attempt *attempt)
{
  return &race->options->routes[attempt->route];
}

static void
report_attempt (const struct msub_race *race, const struct attempt *attempt, bool lost)
{
  const struct msub_route *route = route_of (race, attempt);
  const struct msub_evidence *evidence = &attempt->evidence;
  char buf[16];
  struct msub_event *event = msub_event_new (MSUB_EVENT_ATTEMPT);
  msub_event_integer (event, "id", attempt - race->attempts);
  msub_event_integer (event, "port", route->port);
  if (!tunnelled (race))
    msub_event_text (event, "family", msub_family_name (route->family));
  msub_event_text (event, "address", attempt->address.text);
  msub_event_text (event, "tls", msub_tls_mode_name (route->tls));
  msub_event_text (event, "case", msub_case_name (attempt->verdict.kase));
  /* A silence has no errno, and whether a reset came in time to be connect()'s is chance.  */
  if (evidence->errnum && attempt->verdict.kase != MSUB_CASE_SILENT && attempt->verdict.kase != MSUB_CASE_GREETING)
    msub_event_text (event, "errno", msub_errno_name (evidence->errnum, buf));
  if (evidence->icmp)
    {
      msub_event_integer (event, "icmp-type", evidence->type);
      msub_event_integer (event, "icmp-code", evidence->code);
      msub_event_text (event, "icmp-name", msub_icmp_name (evidence->ipv6, evidence->type, evidence->code));
    }
  if (evidence->icmp && attempt->offender.length)
    {
      msub_event_text (event, "offender", attempt->offender.text);
      msub_event_text (event, "offender-who", msub_who_name (attempt->verdict.who));
    }
  msub_event_real (event, "ms", attempt->msecs);
  msub_event_truth (event, "lost", lost);
  msub_event_text (event, "text", attempt->words);
  msub_emit (race->context, event);
}

static void
describe (struct attempt *attempt)
{
  const struct msub_evidence *evidence = &attempt->evidence;
  char *words = attempt->words;
  size_t size = sizeof attempt->words;
  char buf[16];
  if (evidence->icmp && attempt->verdict.who != MSUB_WHO_NONE)
    {
      static const char *const who[] = { "somebody", "this machine", "the router", "the server" };
      snprintf (words, size, "%s %s says \"%s\" (ICMP%s %d/%d)", who[attempt->verdict.who], attempt->offender.text,
                msub_icmp_name (evidence->ipv6, evidence->type, evidence->code), evidence->ipv6 ? "v6" : "",
                evidence->type, evidence->code);
      return;
    }
  switch (attempt->verdict.kase)
    {
    case MSUB_CASE_ANSWERED:
      snprintf (words, size, "answers");
      break;
    case MSUB_CASE_RESET:
      snprintf (words, size, "refused (TCP RST): nothing listens there, or a firewall says so");
      break;
    case MSUB_CASE_SILENT:
      snprintf (words, size, "no answer in %.1f s: filtered on the way, or the host is down", attempt->msecs / 1000);
      break;
    case MSUB_CASE_LOCAL:
      snprintf (words, size, "this machine has no way there (%s)", msub_errno_name (evidence->errnum, buf));
      break;
    case MSUB_CASE_RESET_OR_HARD:
      snprintf (words, size, "refused (by a TCP RST or an ICMP error: this system does not tell)");
      break;
    case MSUB_CASE_HARD_OR_SOFT:
      snprintf (words, size, "unreachable (an ICMP error, %s: this system tells no more)",
                msub_errno_name (evidence->errnum, buf));
      break;
    case MSUB_CASE_GREETING:
      snprintf (words, size, "accepted the connection and reset it at once (a proxy or a middlebox?)");
      break;
    case MSUB_CASE_NONE:
      snprintf (words, size, "given up: another route was faster");
      break;
    default:
      snprintf (words, size, "failed (%s)", evidence->errnum ? msub_errno_name (evidence->errnum, buf) : "ICMP");
      break;
    }
}

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
  const struct msub_address *addresses = NULL;
  size_t count = msub_lookup_done (lookup) ? msub_lookup_addresses (lookup, &addresses) : 0;
  char list[MSUB_LOOKUP_ADDRESSES * 65] = "";
  for (size_t i = 0, length = 0; i < count; i++)
    length += (size_t) snprintf (list + length, sizeof list - length, "%s\n", addresses[i].text);
  struct msub_event *event = msub_event_new (MSUB_EVENT_RESOLVED);
  msub_event_text (event, "family", index ? "ipv6" : "ipv4");
  msub_event_list (event, "addresses", list);
  if (count == 0)
    msub_event_text (event, "error", msub_lookup_words (lookup));
  msub_event_real (event, "ms", msub_msecs_since (race->started));
  msub_emit (race->context, event);
  if (count > 0 && race->first_answer == 0)
    race->first_answer = msub_now ();
}

/* Attempts */

static size_t
tier_of (const struct msub_race *race, const struct attempt *attempt)
{
  return race->tiers[attempt->route];
}

static void
close_sockets (struct attempt *attempt)
{
  if (attempt->fd >= 0)
    close (attempt->fd);
  if (attempt->second_fd >= 0)
    close (attempt->second_fd);
  attempt->fd = attempt->second_fd = -1;
  msub_tunnel_free (&attempt->tunnel);
}

/* ERRNUM ended the attempt on FD (-1: there is no socket to ask).  WORDS, if not NULL, say more than the verdict.  */
static void
judge_with (struct msub_race *race, struct attempt *attempt, int fd, int errnum, bool at_once, const char *words)
{
  attempt->evidence.errnum = errnum;
  attempt->evidence.at_once = at_once;
  /* The far side of a tunnel tells errno and no more; but a refusal it tells of is a RST or as good as one.  */
  attempt->evidence.queue_readable = tunnelled (race) ? errnum == ECONNREFUSED : race->queue_readable;
  if (fd >= 0)
    read_icmp (attempt, fd);
  attempt->msecs = msub_msecs_since (attempt->started);
  attempt->verdict = msub_verdict_judge (&attempt->evidence);
  attempt->state = JUDGED;
  describe (attempt);
  if (words)
    msub_text_clean (attempt->words, sizeof attempt->words, words, strlen (words));
  close_sockets (attempt);
  report_attempt (race, attempt, false);
}

static void
judge (struct msub_race *race, struct attempt *attempt, int fd, int errnum, bool at_once)
{
  judge_with (race, attempt, fd, errnum, at_once, NULL);
}

static bool
connected_to_itself (int fd)
{
  struct sockaddr_storage us, them;
  socklen_t our_length = sizeof us, their_length = sizeof them;
  return getsockname (fd, (struct sockaddr *) &us, &our_length) == 0
         && getpeername (fd, (struct sockaddr *) &them, &their_length) == 0 && our_length == their_length
         && memcmp (&us, &them, our_length) == 0;
}

/* FD of ATTEMPT has connected: it stands for the attempt from now on.  */
static void
settle (struct msub_race *race, struct attempt *attempt, int fd)
{
  if (connected_to_itself (fd))
    {
      /* Simultaneous open with oneself: nobody listens on that port of this machine.  */
      judge (race, attempt, -1, ECONNREFUSED, true);
      return;
    }
  bool second = fd == attempt->second_fd;
  attempt->round_trip = msub_now () - (second ? attempt->second_started : attempt->started);
  attempt->msecs = msub_msecs_since (attempt->started);
  int other = second ? attempt->fd : attempt->second_fd;
  if (other >= 0)
    close (other);
  attempt->fd = fd;
  attempt->second_fd = -1;
  attempt->state = CONNECTED;
  attempt->verdict = (struct msub_verdict) { .kase = MSUB_CASE_ANSWERED };
  describe (attempt);
  /* Left on, it would make soft errors fatal to the established connection (ip(7)).  */
  listen_for_icmp (fd, route_of (race, attempt)->family, false);
}

/* The tunnel's end of an attempt: open, closed, or to be waited for.  */
static void
advance_tunnel (struct msub_race *race, struct attempt *attempt)
{
  char words[256] = "";
  int errnum = 0;
  int open = msub_tunnel_advance (attempt->tunnel, &errnum, words, sizeof words);
  if (open < 0)
    /* Without a word about the port the fault is the tunnel's own, so this machine's side.  */
    judge_with (race, attempt, -1, errnum ? errnum : ENOTCONN, errnum == 0, words);
  else if (open > 0)
    {
      attempt->fd = msub_tunnel_take (attempt->tunnel);
      settle (race, attempt, attempt->fd);
    }
}

static void
start_tunnel (struct msub_race *race, struct attempt *attempt)
{
  struct msub_error err = { 0 };
  attempt->tunnel = msub_tunnel_start (&race->options->tunnel, race->options->host, route_of (race, attempt)->port, &err);
  if (attempt->tunnel)
    advance_tunnel (race, attempt);
  else
    judge_with (race, attempt, -1, ENOTCONN, true, err.text);
}

/* Send from the address the user named, if there is one of FAMILY.  */
static int
bind_source (const struct msub_race *race, int fd, int family)
{
  const char *source = family == AF_INET6 ? race->options->source_ipv6 : race->options->source_ipv4;
  if (!source)
    return 0;
  struct sockaddr_in in = { .sin_family = AF_INET };
  struct sockaddr_in6 in6 = { .sin6_family = AF_INET6 };
  if (inet_pton (family, source, family == AF_INET6 ? (void *) &in6.sin6_addr : (void *) &in.sin_addr) != 1)
    {
      errno = EADDRNOTAVAIL;
      return -1;
    }
  return family == AF_INET6 ? bind (fd, (const struct sockaddr *) &in6, sizeof in6)
                            : bind (fd, (const struct sockaddr *) &in, sizeof in);
}

/* Send a SYN.  Returns the descriptor, or -1 when the attempt is over or, for the second one, nothing came of it.  */
static int
send_syn (struct msub_race *race, struct attempt *attempt, bool second)
{
  const struct msub_route *route = route_of (race, attempt);
  int fd = msub_net_socket (route->family);
  if (fd < 0)
    {
      if (!second)
        judge (race, attempt, -1, errno, true);
      return -1;
    }
  listen_for_icmp (fd, route->family, true);
  struct msub_address address = attempt->address;
  msub_address_port (&address, route->port);
  if (second)
    attempt->second_fd = fd;
  else
    attempt->fd = fd;
  if (bind_source (race, fd, route->family))
    judge (race, attempt, -1, errno, true);
  else if (connect (fd, (const struct sockaddr *) &address.sockaddr, address.length) == 0)
    settle (race, attempt, fd);
  else if (errno != EINPROGRESS && errno != EINTR)
    judge (race, attempt, fd, errno, true);
  return fd;
}

static void
start (struct msub_race *race, struct attempt *attempt)
{
  attempt->state = CONNECTING;
  attempt->evidence = (struct msub_evidence) { 0 };
  attempt->verdict = (struct msub_verdict) { 0 };
  attempt->offender = (struct msub_address) { 0 };
  attempt->fd = attempt->second_fd = -1;
  attempt->started = msub_now ();
  attempt->second_started = 0;
  race->last = (size_t) (attempt - race->attempts);
  race->any_started = true;
  if (tunnelled (race))
    start_tunnel (race, attempt);
  else
    send_syn (race, attempt, false);
}

/* Has FD's handshake come to an end?  */
static void
look_at (struct msub_race *race, struct attempt *attempt, int fd)
{
  int errnum = 0;
  socklen_t length = sizeof errnum;
  if (getsockopt (fd, SOL_SOCKET, SO_ERROR, &errnum, &length))
    errnum = errno;
  if (errnum)
    {
      judge (race, attempt, fd, errnum, false);
      return;
    }
  struct sockaddr_storage peer;
  length = sizeof peer;
  if (getpeername (fd, (struct sockaddr *) &peer, &length) == 0)
    settle (race, attempt, fd);
  else
    {
      /* An ICMP error that is no verdict woke us (packet too big): take it off the queue and go on.  */
      struct attempt scratch = *attempt;
      read_icmp (&scratch, fd);
    }
}

/* Give up what is still under way, or held, since another attempt has won.  */
static void
release_losers (struct msub_race *race)
{
  for (size_t i = 0; i < race->count; i++)
    {
      struct attempt *attempt = &race->attempts[i];
      if (attempt->state != CONNECTING && attempt->state != CONNECTED)
        continue;
      if (attempt->state == CONNECTING)
        {
          attempt->msecs = msub_msecs_since (attempt->started);
          attempt->verdict = (struct msub_verdict) { .kase = MSUB_CASE_NONE };
          describe (attempt);
        }
      close_sockets (attempt);
      attempt->state = PENDING;
      report_attempt (race, attempt, true);
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
waits_for_lookup (const struct msub_race *race, size_t route)
{
  return !tunnelled (race) && !msub_lookup_done (lookup_of (race, route)) && !lookups_expired (race);
}

/* Is there an address of ROUTE that no attempt has been made for?  */
static bool
has_fresh_address (const struct msub_race *race, size_t route)
{
  const struct msub_address *addresses;
  if (tunnelled (race))
    {
      /* One attempt a port: its first route's.  */
      for (size_t i = 0; i < route; i++)
        if (race->tiers[i] == race->tiers[route])
          return false;
      return race->next_address[route] == 0;
    }
  return msub_lookup_done (lookup_of (race, route)) && race->count < ATTEMPTS_MAX
         && race->next_address[route] < msub_lookup_addresses (lookup_of (race, route), &addresses);
}

static struct attempt *
fresh_attempt (struct msub_race *race, size_t route)
{
  struct attempt *attempt = &race->attempts[race->count++];
  *attempt = (struct attempt) { .state = PENDING, .route = route, .fd = -1, .second_fd = -1 };
  size_t index = race->next_address[route]++;
  const struct msub_address *addresses;
  if (tunnelled (race))
    snprintf (attempt->address.text, sizeof attempt->address.text, "%.*s", (int) sizeof attempt->address.text - 1,
              race->options->host);
  else
    {
      msub_lookup_addresses (lookup_of (race, route), &addresses);
      attempt->address = addresses[index];
    }
  return attempt;
}

/* A loser of an earlier round that may be tried again.  */
static struct attempt *
pending_attempt (struct msub_race *race, size_t tier)
{
  for (size_t i = 0; i < race->count; i++)
    if (race->attempts[i].state == PENDING && tier_of (race, &race->attempts[i]) == tier)
      return &race->attempts[i];
  return NULL;
}

/* The next attempt of TIER, or NULL with *WAIT_R set when a look-up has to be waited for first.  In a race the
   families take turns, the plan's first family first (RFC 8305 section 4); else it goes route by route.  */
static struct attempt *
next_of_tier (struct msub_race *race, size_t tier, bool *wait_r)
{
  struct attempt *again = pending_attempt (race, tier);
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
      if (has_fresh_address (race, i)
          && (best == race->options->count
              || (race->options->raced && race->next_address[i] < race->next_address[best])))
        best = i;
    }
  return best < race->options->count ? fresh_attempt (race, best) : NULL;
}

/* The most preferred tier with a connection, or SIZE_MAX.  */
static size_t
held_tier (const struct msub_race *race, const struct attempt **held_r)
{
  size_t tier = SIZE_MAX;
  for (size_t i = 0; i < race->count; i++)
    if (race->attempts[i].state == CONNECTED && tier_of (race, &race->attempts[i]) < tier)
      {
        tier = tier_of (race, &race->attempts[i]);
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

/* Start what is due, in plan order.  Returns when the next start is due, or INT64_MAX.  */
static msub_time
start_due (struct msub_race *race)
{
  const struct attempt *held = NULL;
  size_t limit = held_tier (race, &held);
  for (size_t tier = 0; tier < tier_count (race) && tier < limit;)
    {
      if (race->any_started && race->attempts[race->last].state == CONNECTING)
        {
          msub_time due = race->attempts[race->last].started + MSUB_MSECS (race->options->attempt_delay_msecs);
          if (!race->options->raced)
            return INT64_MAX;
          if (msub_now () < due)
            return due;
        }
      bool wait = false;
      struct attempt *attempt = next_of_tier (race, tier, &wait);
      if (wait) /* the look-up's own descriptor ends the wait, or in a race the Resolution Delay */
        return race->options->raced && race->first_answer ? race->first_answer + RESOLUTION_DELAY : INT64_MAX;
      if (!attempt)
        {
          tier++;
          continue;
        }
      start (race, attempt);
      limit = held_tier (race, &held);
    }
  return INT64_MAX;
}

/* A port that has let two SYNs go by for two round trips and a margin, while another port of the host answered, is
   silent.  Send the second SYN where it has not been sent, judge what is overdue.  Returns the next deadline, which is 0
   when an attempt has come to its end, so that what follows it need not wait.  */
static msub_time
mind_deadlines (struct msub_race *race)
{
  const struct attempt *held = NULL;
  size_t tier = held_tier (race, &held);
  msub_time next = INT64_MAX;
  for (size_t i = 0; i < race->count; i++)
    {
      struct attempt *attempt = &race->attempts[i];
      if (attempt->state != CONNECTING)
        continue;
      msub_time deadline = attempt->started + MSUB_MSECS (race->options->connect_timeout_msecs);
      if (held && tier_of (race, attempt) < tier)
        {
          if (attempt->second_started == 0 && tunnelled (race))
            attempt->second_started = msub_now ();
          else if (attempt->second_started == 0)
            {
              attempt->second_started = msub_now ();
              send_syn (race, attempt, true);
            }
          if (attempt->state != CONNECTING)
            {
              next = 0;
              continue;
            }
          msub_time grace = attempt->second_started + 2 * held->round_trip + GRACE_MARGIN;
          deadline = grace < deadline ? grace : deadline;
        }
      if (msub_now () >= deadline)
        {
          judge (race, attempt, -1, ETIMEDOUT, false);
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
better_possible (const struct msub_race *race, const struct attempt *held, msub_time *until_r)
{
  size_t tier = tier_of (race, held);
  for (size_t i = 0; i < race->count; i++)
    {
      enum state state = race->attempts[i].state;
      if ((state == CONNECTING || state == PENDING) && tier_of (race, &race->attempts[i]) < tier)
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
    if (race->attempts[i].state == CONNECTING || race->attempts[i].state == PENDING)
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
  struct pollfd fds[1 + 2 + 2 * ATTEMPTS_MAX];
  size_t owner[1 + 2 + 2 * ATTEMPTS_MAX];
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
      const struct attempt *attempt = &race->attempts[i];
      int sockets[2] = { attempt->fd, attempt->second_fd };
      if (attempt->state == CONNECTING && attempt->tunnel)
        {
          owner[count] = i;
          fds[count++] = msub_tunnel_poll (attempt->tunnel);
        }
      for (int j = 0; j < 2 && attempt->state == CONNECTING; j++)
        if (sockets[j] >= 0)
          {
            owner[count] = i;
            fds[count++] = (struct pollfd) { .fd = sockets[j], .events = POLLOUT };
          }
    }
  if (msub_net_poll (race->context, fds, count, deadline, err) < 0)
    return -1;
  for (nfds_t i = first_attempt; i < count; i++)
    {
      struct attempt *attempt = &race->attempts[owner[i]];
      if (!fds[i].revents || attempt->state != CONNECTING)
        continue;
      if (attempt->tunnel)
        advance_tunnel (race, attempt);
      else
        look_at (race, attempt, fds[i].fd);
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
hand_over (struct msub_race *race, struct attempt *attempt, struct msub_winner *winner_r)
{
  *winner_r = (struct msub_winner) {
    .attempt = (size_t) (attempt - race->attempts),
    .fd = attempt->fd,
    .route = *route_of (race, attempt),
    .address = attempt->address,
    .fallback = tier_of (race, attempt) > 0,
    .tunnelled = tunnelled (race),
    .msecs = msub_msecs_since (race->started),
  };
  msub_address_port (&winner_r->address, winner_r->route.port);
  attempt->fd = -1;
  attempt->state = TAKEN;
  report_attempt (race, attempt, false);
  release_losers (race);
}

/* No route led anywhere: say so with every attempt's verdict.  */
static int
fail_all (const struct msub_race *race, struct msub_error *err)
{
  const char *host = race->options->host;
  if (race->count == 0)
    {
      char words[256] = "";
      for (int i = 0; i < 2; i++)
        if (race->lookups[i])
          snprintf (words + strlen (words), sizeof words - strlen (words), "%s%s", *words ? "; " : "",
                    msub_lookup_words (race->lookups[i]));
      return msub_fail (err, MSUB_HOST, "No such host: %s (%s)", host, words);
    }
  char words[MSUB_TEXT_MAX - 256] = "";
  for (size_t i = 0; i < race->count; i++)
    {
      const struct attempt *attempt = &race->attempts[i];
      size_t length = strlen (words);
      if (tunnelled (race))
        snprintf (words + length, sizeof words - length, "%sport %d: %s", i ? "; " : "",
                  route_of (race, attempt)->port, attempt->words);
      else
        snprintf (words + length, sizeof words - length, "%sport %d over %s (%s): %s", i ? "; " : "",
                  route_of (race, attempt)->port, family_words (route_of (race, attempt)->family),
                  attempt->address.text, attempt->words);
    }
  return msub_fail (err, MSUB_CONNECT, "No route leads to %s: %s", host, words);
}

int
msub_race_next (struct msub_race *race, struct msub_winner *winner_r, struct msub_error *err)
{
  race->any_started = false;
  for (;;)
    {
      if (msub_net_cancelled (race->context, err))
        return -1;
      note_lookups (race);
      msub_time next_start = start_due (race);
      msub_time next_deadline = mind_deadlines (race);
      const struct attempt *held = NULL;
      held_tier (race, &held);
      msub_time until = INT64_MAX;
      if (held && !better_possible (race, held, &until))
        {
          hand_over (race, &race->attempts[held - race->attempts], winner_r);
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
  struct attempt *judged = &race->attempts[attempt];
  judged->state = JUDGED;
  judged->verdict.kase = kase;
  msub_text_clean (judged->words, sizeof judged->words, words, strlen (words));
  report_attempt (race, judged, false);
}

/* Each port's place in the order of preference: strict plans go route by route.  */
static void
rank_routes (struct msub_race *race)
{
  const struct msub_race_options *options = race->options;
  size_t tiers = 0;
  for (size_t i = 0; i < options->count; i++)
    {
      size_t same = 0;
      while (same < i && options->routes[same].port != options->routes[i].port)
        same++;
      race->tiers[i] = same < i ? race->tiers[same] : tiers++;
    }
}

struct msub_race *
msub_race_new (const struct msub_context *context, const struct msub_race_options *options, struct msub_error *err)
{
  struct msub_race *race = calloc (1, sizeof *race);
  if (!race)
    {
      msub_fail (err, MSUB_INTERNAL, "Out of memory");
      return NULL;
    }
  race->context = context;
  race->options = options;
  race->started = msub_now ();
  race->queue_readable = queue_is_readable ();
  rank_routes (race);
  for (size_t i = 0; i < options->count && !tunnelled (race); i++)
    {
      struct msub_lookup **lookup = &race->lookups[family_index (options->routes[i].family)];
      if (!*lookup)
        *lookup = msub_lookup_start (options->host, options->routes[i].family, err);
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
    close_sockets (&(*race)->attempts[i]);
  for (int i = 0; i < 2; i++)
    msub_lookup_free (&(*race)->lookups[i]);
  free (*race);
  *race = NULL;
}
