/* fuzz-verdict.c --- the verdict under any evidence.

   SPDX-License-Identifier: GPL-3.0-or-later  */

#include "../../module/verdict.h"
#include "fuzz.h"

#include <errno.h>
#include <string.h>

/* Errno values worth meeting more often than chance would have it.  */
static const int likely[] = { 0, ETIMEDOUT, ECONNREFUSED, ECONNRESET, EHOSTUNREACH, ENETUNREACH,
                              EHOSTDOWN, EACCES, EPERM, EPROTO, ENOPROTOOPT, EOPNOTSUPP, EINVAL,
                              EADDRNOTAVAIL, EMSGSIZE, ENETDOWN };

static bool
same (struct msub_verdict a, struct msub_verdict b)
{
  return a.kase == b.kase && a.who == b.who;
}

/* Verdicts that an ICMP error alone can be the reason for say who sent it; no other does.  */
static void
check_who (const struct msub_evidence *e, struct msub_verdict v)
{
  MUST (v.kase > MSUB_CASE_NONE && msub_case_name (v.kase));
  MUST (v.kase <= MSUB_CASE_LOCAL || (v.kase == MSUB_CASE_GREETING && e->errnum == ECONNRESET));
  MUST (v.who < MSUB_WHOS && (v.who == MSUB_WHO_NONE) == (msub_who_name (v.who) == NULL));
  MUST ((v.kase == MSUB_CASE_HARD || v.kase == MSUB_CASE_SOFT)
        == (v.who == MSUB_WHO_ROUTER || v.who == MSUB_WHO_SERVER));
  MUST (v.who != MSUB_WHO_SELF || v.kase == MSUB_CASE_LOCAL);
  MUST (v.who == MSUB_WHO_NONE || e->icmp);
  MUST (v.who != MSUB_WHO_SERVER || e->offender_is_server);
  MUST (v.who != MSUB_WHO_SELF || (e->offender_is_self && !e->offender_is_server));
}

static void
check (const struct msub_evidence *e)
{
  struct msub_verdict v = msub_verdict_judge (e);
  check_who (e, v);
  MUST ((v.kase == MSUB_CASE_ANSWERED) == (e->errnum == 0));
  MUST (!e->queue_readable
        || (v.kase != MSUB_CASE_RESET_OR_HARD && v.kase != MSUB_CASE_HARD_OR_SOFT));
  MUST (e->queue_readable || v.kase != MSUB_CASE_RESET);
  MUST (v.kase != MSUB_CASE_SILENT || e->errnum == ETIMEDOUT);

  /* Where the ICMP error is no verdict, all is as without one; where it is one, errno does not
     count.  */
  struct msub_evidence other = *e;
  if (v.who == MSUB_WHO_NONE)
    {
      other.icmp = false;
      other.type = other.code = 0;
      other.ipv6 = other.offender_is_self = other.offender_is_server = false;
    }
  else
    other.errnum = e->errnum == EACCES ? EPERM : EACCES;
  MUST (same (v, msub_verdict_judge (&other)));

  bool never = e->ipv6 ? e->type == 2
               : (e->type == 3 && e->code == 4) || e->type == 4 || e->type == 5;
  MUST (e->errnum == 0 || !e->icmp || never == (v.who == MSUB_WHO_NONE));
  const char *name = msub_icmp_name (e->ipv6, e->type, e->code);
  MUST (name && name[0]);
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  if (size < 4)
    return 0;
  struct msub_evidence e = {
    .errnum = data[0] & 0x80 ? data[0] : likely[data[0] % (sizeof likely / sizeof *likely)],
    .at_once = data[1] & 1, .queue_readable = data[1] & 2, .icmp = data[1] & 4, .ipv6 = data[1] & 8,
    .offender_is_self = data[1] & 16, .offender_is_server = data[1] & 32,
    .type = data[2], .code = data[3],
  };
  /* Numbers that no octet holds, too.  */
  if (size >= 12 && data[1] & 64)
    {
      memcpy (&e.type, data + 4, sizeof e.type);
      memcpy (&e.code, data + 8, sizeof e.code);
    }
  check (&e);
  return 0;
}
