/* attempt.c --- one route to one address: the SYN, the tunnel, and what came of it.

   Floor 5.  SPDX-License-Identifier: GPL-3.0-or-later  */

#define _GNU_SOURCE
#include "attempt.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* How long an ssh may take to log in: through other hosts, with a key that has to be touched.  */
#define SSH_LOGIN_MSECS 60000

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

bool
msub_attempt_tunnelled (const struct msub_attempt *attempt)
{
  return attempt->way->tunnel.kind != MSUB_TUNNEL_NONE;
}

/* Take what ICMP says of FD into ATTEMPT's evidence.  */
static void
read_icmp (struct msub_attempt *attempt, int fd)
{
  struct msub_icmp icmp;
  if (!msub_net_read_icmp (fd, &icmp))
    return;
  struct msub_evidence *evidence = &attempt->evidence;
  evidence->icmp = true;
  evidence->ipv6 = icmp.ipv6;
  evidence->type = icmp.type;
  evidence->code = icmp.code;
  attempt->offender = icmp.offender;
  if (icmp.offender.length == 0)
    return;
  const struct sockaddr *offender = (const struct sockaddr *) &attempt->offender.sockaddr;
  evidence->offender_is_self = msub_address_own (offender);
  evidence->offender_is_server = msub_address_equal (offender, (const struct sockaddr *) &attempt->address.sockaddr);
}

/* Words */

void
msub_attempt_report (const struct msub_attempt *attempt, bool lost)
{
  const struct msub_route *route = &attempt->route;
  const struct msub_evidence *evidence = &attempt->evidence;
  char buf[16];
  struct msub_event *event = msub_event_new (MSUB_EVENT_ATTEMPT);
  msub_event_integer (event, "id", (int64_t) attempt->id);
  msub_event_integer (event, "port", route->port);
  if (!msub_attempt_tunnelled (attempt))
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
  if (attempt->limit_msecs > 0)
    {
      msub_event_real (event, "limit", attempt->limit_msecs);
      if (attempt->grace_msecs > 0)
        msub_event_real (event, "grace", attempt->grace_msecs);
    }
  if (attempt->started)
    msub_event_real (event, "age", msub_msecs_since (attempt->started));
  msub_event_truth (event, "lost", lost);
  msub_event_text (event, "text", attempt->words);
  msub_emit (attempt->way->context, event);
}

static void
describe (struct msub_attempt *attempt)
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

/* Connecting */

void
msub_attempt_close (struct msub_attempt *attempt)
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
judge_with (struct msub_attempt *attempt, int fd, int errnum, bool at_once, const char *words)
{
  attempt->evidence.errnum = errnum;
  attempt->evidence.at_once = at_once;
  /* The far side of a tunnel tells errno and no more; but a refusal it tells of is a RST or as good as one.  */
  attempt->evidence.queue_readable = msub_attempt_tunnelled (attempt) ? errnum == ECONNREFUSED : msub_net_tells_icmp ();
  if (fd >= 0)
    read_icmp (attempt, fd);
  attempt->msecs = msub_msecs_since (attempt->started);
  attempt->verdict = msub_verdict_judge (&attempt->evidence);
  attempt->state = MSUB_JUDGED;
  describe (attempt);
  if (words)
    msub_text_clean (attempt->words, sizeof attempt->words, words, strlen (words));
  msub_attempt_close (attempt);
  msub_attempt_report (attempt, false);
}

static void
judge (struct msub_attempt *attempt, int fd, int errnum, bool at_once)
{
  judge_with (attempt, fd, errnum, at_once, NULL);
}

static bool
connected_to_itself (int fd)
{
  struct sockaddr_storage us, them;
  socklen_t our_length = sizeof us, their_length = sizeof them;
  return getsockname (fd, (struct sockaddr *) &us, &our_length) == 0
         && getpeername (fd, (struct sockaddr *) &them, &their_length) == 0 && our_length == their_length
         && us.ss_family != AF_UNIX /* a tunnel's two ends have no names */
         && memcmp (&us, &them, our_length) == 0;
}

/* FD of ATTEMPT has connected: it stands for the attempt from now on.  */
static void
settle (struct msub_attempt *attempt, int fd)
{
  if (connected_to_itself (fd))
    {
      /* Simultaneous open with oneself: nobody listens on that port of this machine.  */
      judge (attempt, -1, ECONNREFUSED, true);
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
  attempt->state = MSUB_CONNECTED;
  attempt->verdict = (struct msub_verdict) { .kase = MSUB_CASE_ANSWERED };
  describe (attempt);
  /* Left on, it would make soft errors fatal to the established connection (ip(7)).  */
  msub_net_listen_for_icmp (fd, attempt->route.family, false);
}

/* The tunnel's end of an attempt: open, closed, or to be waited for.  */
static void
advance_tunnel (struct msub_attempt *attempt)
{
  char words[256] = "";
  int errnum = 0;
  int open = msub_tunnel_advance (attempt->tunnel, &errnum, words, sizeof words);
  if (!attempt->asked && msub_tunnel_asked (attempt->tunnel))
    {
      attempt->asked = true;
      attempt->started = msub_now ();
    }
  if (open < 0)
    /* Without a word about the port the fault is the tunnel's own, so this machine's side.  */
    judge_with (attempt, -1, errnum ? errnum : ENOTCONN, errnum == 0, words);
  else if (open > 0)
    {
      attempt->fd = msub_tunnel_take (attempt->tunnel);
      settle (attempt, attempt->fd);
    }
}

static void
start_tunnel (struct msub_attempt *attempt)
{
  struct msub_error err = { 0 };
  attempt->asked = false;
  attempt->tunnel = msub_tunnel_start (&attempt->way->tunnel, attempt->way->host, attempt->route.port, &err);
  if (attempt->tunnel)
    advance_tunnel (attempt);
  else
    judge_with (attempt, -1, ENOTCONN, true, err.text);
}

/* Send from the address the user named, if there is one of FAMILY.  */
static int
bind_source (const struct msub_attempt *attempt, int fd)
{
  int family = attempt->route.family;
  const char *source = family == AF_INET6 ? attempt->way->source_ipv6 : attempt->way->source_ipv4;
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

static void
send_syn (struct msub_attempt *attempt, bool second)
{
  const struct msub_route *route = &attempt->route;
  int fd = msub_net_socket (route->family);
  if (fd < 0)
    {
      if (!second)
        judge (attempt, -1, errno, true);
      return;
    }
  msub_net_listen_for_icmp (fd, route->family, true);
  struct msub_address address = attempt->address;
  msub_address_port (&address, route->port);
  if (second)
    attempt->second_fd = fd;
  else
    attempt->fd = fd;
  if (bind_source (attempt, fd))
    judge (attempt, -1, errno, true);
  else if (connect (fd, (const struct sockaddr *) &address.sockaddr, address.length) == 0)
    settle (attempt, fd);
  else if (errno != EINPROGRESS && errno != EINTR)
    judge (attempt, fd, errno, true);
}

/* Is the address the one that filters of names give instead of a server's?  Whoever connects to it is led to this machine.  */
static bool
leads_nowhere (const struct msub_attempt *attempt)
{
  const char *address = attempt->address.text;
  return (strcmp (address, "0.0.0.0") == 0 || strcmp (address, "::") == 0) && strcmp (address, attempt->way->host) != 0;
}

void
msub_attempt_start (struct msub_attempt *attempt)
{
  attempt->state = MSUB_CONNECTING;
  attempt->evidence = (struct msub_evidence) { 0 };
  attempt->verdict = (struct msub_verdict) { 0 };
  attempt->offender = (struct msub_address) { 0 };
  attempt->fd = attempt->second_fd = -1;
  attempt->started = msub_now ();
  attempt->second_started = 0;
  attempt->limit_msecs = attempt->grace_msecs = 0;
  if (msub_attempt_tunnelled (attempt))
    start_tunnel (attempt);
  else if (leads_nowhere (attempt))
    judge_with (attempt, -1, ECONNREFUSED, true,
                "no server's address: a filter of names (Pi-hole, /etc/hosts) keeps it from you");
  else
    send_syn (attempt, false);
}

void
msub_attempt_insist (struct msub_attempt *attempt)
{
  attempt->second_started = msub_now ();
  if (!msub_attempt_tunnelled (attempt))
    send_syn (attempt, true);
}

nfds_t
msub_attempt_poll (const struct msub_attempt *attempt, struct pollfd fds[MSUB_ATTEMPT_POLL_MAX])
{
  if (attempt->tunnel)
    return msub_tunnel_poll (attempt->tunnel, fds);
  nfds_t count = 0;
  int sockets[] = { attempt->fd, attempt->second_fd };
  for (size_t i = 0; i < sizeof sockets / sizeof *sockets; i++)
    if (sockets[i] >= 0)
      fds[count++] = (struct pollfd) { .fd = sockets[i], .events = POLLOUT };
  return count;
}

_Static_assert (MSUB_ATTEMPT_POLL_MAX >= MSUB_TUNNEL_POLL_MAX, "room for a tunnel's");

bool
msub_attempt_on_its_way (const struct msub_attempt *attempt)
{
  return attempt->state == MSUB_CONNECTING && attempt->tunnel && !attempt->asked;
}

msub_time
msub_attempt_deadline (const struct msub_attempt *attempt, int timeout_msecs)
{
  bool ssh = attempt->way->tunnel.kind == MSUB_TUNNEL_SSH;
  int msecs = ssh && msub_attempt_on_its_way (attempt) && timeout_msecs < SSH_LOGIN_MSECS ? SSH_LOGIN_MSECS : timeout_msecs;
  return attempt->started + MSUB_MSECS (msecs);
}

void
msub_attempt_look (struct msub_attempt *attempt, int fd)
{
  if (attempt->tunnel)
    {
      advance_tunnel (attempt);
      return;
    }
  int errnum = 0;
  socklen_t length = sizeof errnum;
  if (getsockopt (fd, SOL_SOCKET, SO_ERROR, &errnum, &length))
    errnum = errno;
  if (errnum)
    {
      judge (attempt, fd, errnum, false);
      return;
    }
  struct sockaddr_storage peer;
  length = sizeof peer;
  if (getpeername (fd, (struct sockaddr *) &peer, &length) == 0)
    settle (attempt, fd);
  else
    {
      /* An ICMP error that is no verdict woke us (packet too big): take it off the queue and go on.  */
      struct msub_attempt scratch = *attempt;
      read_icmp (&scratch, fd);
    }
}

void
msub_attempt_silent (struct msub_attempt *attempt, msub_time deadline, msub_time grace)
{
  if (msub_attempt_on_its_way (attempt))
    {
      char words[256];
      bool ssh = attempt->way->tunnel.kind == MSUB_TUNNEL_SSH;
      snprintf (words, sizeof words,
                ssh ? "ssh %.80s did not log in within %.0f s; try it in a terminal"
                    : "the SOCKS5 proxy %.80s did not answer within %.0f s",
                attempt->way->tunnel.place, msub_msecs_since (attempt->started) / 1000);
      judge_with (attempt, -1, ENOTCONN, true, words);
      return;
    }
  attempt->limit_msecs = (double) (deadline - attempt->started) / 1000;
  attempt->grace_msecs = (double) grace / 1000;
  judge (attempt, -1, ETIMEDOUT, false);
}

int
msub_attempt_wait (struct msub_attempt *attempt, const struct msub_context *context, int timeout_msecs, struct msub_error *err)
{
  while (attempt->state == MSUB_CONNECTING)
    {
      struct pollfd fds[1 + MSUB_ATTEMPT_POLL_MAX];
      msub_time deadline = msub_attempt_deadline (attempt, timeout_msecs);
      nfds_t count = 1 + msub_attempt_poll (attempt, fds + 1);
      /* Also when the deadline has passed: an answer that came meanwhile counts.  */
      int ready = msub_wait_poll (context, fds, count, deadline, err);
      if (ready < 0)
        {
          msub_attempt_close (attempt);
          return -1;
        }
      if (ready == 0)
        msub_attempt_silent (attempt, deadline, 0);
      for (nfds_t i = 1; ready > 0 && i < count && attempt->state == MSUB_CONNECTING; i++)
        if (fds[i].revents)
          msub_attempt_look (attempt, fds[i].fd);
    }
  return attempt->state == MSUB_CONNECTED ? 0 : msub_fail (err, MSUB_CONNECT, "%s", attempt->words);
}

void
msub_attempt_give_up (struct msub_attempt *attempt)
{
  if (attempt->state == MSUB_CONNECTING)
    {
      attempt->msecs = msub_msecs_since (attempt->started);
      attempt->verdict = (struct msub_verdict) { .kase = MSUB_CASE_NONE };
      describe (attempt);
    }
  msub_attempt_close (attempt);
  attempt->state = MSUB_PENDING;
  msub_attempt_report (attempt, true);
}
