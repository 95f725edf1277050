/* verdict.c --- which of the five cases an attempt met, from errno and the ICMP error queue.

   Floor 1, pure.  One table says what each ICMP error is called and what it means for an attempt.
   SPDX-License-Identifier: GPL-3.0-or-later  */

#include "verdict.h"

#include <errno.h>

enum { ANY = -1 };

/* The first row that fits counts.  MSUB_CASE_NONE: never a verdict.  Names: IANA's registries.  */
struct icmp_error
{
  int type, code;
  enum msub_case kase;
  const char *name;
};

static const struct icmp_error icmp4[] = {
  { 3, 0, MSUB_CASE_SOFT, "net unreachable" },
  { 3, 1, MSUB_CASE_SOFT, "host unreachable" },
  { 3, 2, MSUB_CASE_HARD, "protocol unreachable" },
  { 3, 3, MSUB_CASE_HARD, "port unreachable" },
  { 3, 4, MSUB_CASE_NONE, "fragmentation needed and don't fragment was set" },
  { 3, 5, MSUB_CASE_SOFT, "source route failed" },
  { 3, 6, MSUB_CASE_HARD, "destination network unknown" },
  { 3, 7, MSUB_CASE_HARD, "destination host unknown" },
  { 3, 8, MSUB_CASE_HARD, "source host isolated" },
  { 3, 9, MSUB_CASE_HARD, "communication with destination network administratively prohibited" },
  { 3, 10, MSUB_CASE_HARD, "communication with destination host administratively prohibited" },
  { 3, 11, MSUB_CASE_SOFT, "destination network unreachable for type of service" },
  { 3, 12, MSUB_CASE_SOFT, "destination host unreachable for type of service" },
  { 3, 13, MSUB_CASE_HARD, "communication administratively prohibited" },
  { 3, 14, MSUB_CASE_HARD, "host precedence violation" },
  { 3, 15, MSUB_CASE_HARD, "precedence cutoff in effect" },
  { 3, ANY, MSUB_CASE_SOFT, "destination unreachable" },
  { 4, ANY, MSUB_CASE_NONE, "source quench" },
  { 5, ANY, MSUB_CASE_NONE, "redirect" },
  { 11, 0, MSUB_CASE_SOFT, "time to live exceeded in transit" },
  { 11, 1, MSUB_CASE_SOFT, "fragment reassembly time exceeded" },
  { 11, ANY, MSUB_CASE_SOFT, "time exceeded" },
  { 12, ANY, MSUB_CASE_SOFT, "parameter problem" },
  { ANY, ANY, MSUB_CASE_SOFT, "unknown ICMP error" },
};

static const struct icmp_error icmp6[] = {
  { 1, 0, MSUB_CASE_SOFT, "no route to destination" },
  { 1, 1, MSUB_CASE_HARD, "communication with destination administratively prohibited" },
  { 1, 2, MSUB_CASE_SOFT, "beyond scope of source address" },
  { 1, 3, MSUB_CASE_SOFT, "address unreachable" },
  { 1, 4, MSUB_CASE_HARD, "port unreachable" },
  { 1, 5, MSUB_CASE_HARD, "source address failed ingress/egress policy" },
  { 1, 6, MSUB_CASE_HARD, "reject route to destination" },
  { 1, 7, MSUB_CASE_SOFT, "error in source routing header" },
  { 1, 8, MSUB_CASE_SOFT, "headers too long" },
  { 1, ANY, MSUB_CASE_SOFT, "destination unreachable" },
  { 2, ANY, MSUB_CASE_NONE, "packet too big" },
  { 3, 0, MSUB_CASE_SOFT, "hop limit exceeded in transit" },
  { 3, 1, MSUB_CASE_SOFT, "fragment reassembly time exceeded" },
  { 3, ANY, MSUB_CASE_SOFT, "time exceeded" },
  { 4, 0, MSUB_CASE_HARD, "erroneous header field encountered" },
  { 4, 1, MSUB_CASE_HARD, "unrecognized next header type encountered" },
  { 4, 2, MSUB_CASE_HARD, "unrecognized IPv6 option encountered" },
  { 4, ANY, MSUB_CASE_HARD, "parameter problem" },
  { ANY, ANY, MSUB_CASE_SOFT, "unknown ICMP error" },
};

static const struct icmp_error *
look_up (bool ipv6, int type, int code)
{
  const struct icmp_error *row = ipv6 ? icmp6 : icmp4;
  /* The last row of each table fits everything.  */
  while (!((row->type == ANY || row->type == type) && (row->code == ANY || row->code == code)))
    row++;
  return row;
}

static enum msub_case
judge_errno (int errnum, bool at_once, bool queue_readable)
{
  switch (errnum)
    {
    case ETIMEDOUT:
      return MSUB_CASE_SILENT;
    case ECONNRESET:
      /* A RST in answer to a SYN is ECONNREFUSED: this connection was accepted first.  */
      return MSUB_CASE_GREETING;
    case ECONNREFUSED:
      /* Also at once: loopback answers within connect().  An RST leaves the error queue empty.  */
      return queue_readable ? MSUB_CASE_RESET : MSUB_CASE_RESET_OR_HARD;
    case EACCES: /* as what Linux makes of ICMPv6's "administratively prohibited" */
    case EHOSTUNREACH:
    case ENETUNREACH:
    case EHOSTDOWN:
    case ENOPROTOOPT:
    case EOPNOTSUPP:
    case EPROTO:
#ifdef ENONET
    case ENONET:
#endif
      /* These stand for an ICMP error somewhere; where none is in a queue that would show it, this
         machine made them up.  */
      return at_once || queue_readable ? MSUB_CASE_LOCAL : MSUB_CASE_HARD_OR_SOFT;
    default:
      return MSUB_CASE_LOCAL;
    }
}

struct msub_verdict
msub_verdict_judge (const struct msub_evidence *e)
{
  struct msub_verdict verdict = { MSUB_CASE_ANSWERED, MSUB_WHO_NONE };
  if (e->errnum == 0)
    return verdict;
  verdict.kase = e->icmp ? look_up (e->ipv6, e->type, e->code)->kase : MSUB_CASE_NONE;
  if (verdict.kase == MSUB_CASE_NONE)
    {
      verdict.kase = judge_errno (e->errnum, e->at_once, e->queue_readable);
      return verdict;
    }
  verdict.who = e->offender_is_server ? MSUB_WHO_SERVER
                : e->offender_is_self ? MSUB_WHO_SELF : MSUB_WHO_ROUTER;
  /* A firewall of this machine, or ARP or neighbour discovery that failed.  */
  if (verdict.who == MSUB_WHO_SELF)
    verdict.kase = MSUB_CASE_LOCAL;
  return verdict;
}

static const char *const case_names[] = {
  NULL, "1", "2", "3", "4", "5", "2 or 3", "3 or 4", "local", "tls", "greeting", "no-login",
};
_Static_assert (sizeof case_names / sizeof *case_names == MSUB_CASES, "a name for each case");

const char *
msub_case_name (enum msub_case kase)
{
  return (unsigned) kase < MSUB_CASES ? case_names[kase] : NULL;
}

static const char *const who_names[] = { NULL, "self", "router", "server" };
_Static_assert (sizeof who_names / sizeof *who_names == MSUB_WHOS, "a name for each offender");

const char *
msub_who_name (enum msub_who who)
{
  return (unsigned) who < MSUB_WHOS ? who_names[who] : NULL;
}

const char *
msub_icmp_name (bool ipv6, int type, int code)
{
  return look_up (ipv6, type, code)->name;
}
