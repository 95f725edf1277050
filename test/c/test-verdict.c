/* test-verdict.c --- the five cases, by every ICMP code and errno value that there is a rule for.

   SPDX-License-Identifier: GPL-3.0-or-later  */

#define _POSIX_C_SOURCE 200809L
#include "../../module/verdict.h"
#include "tap.h"

#include <errno.h>

/* What a case is called here, NULL included.  */
static const char *
case_name (enum msub_case kase)
{
  const char *name = msub_case_name (kase);
  return name ? name : "none";
}

static void
expect (const struct msub_evidence *evidence, const char *kase, enum msub_who who)
{
  struct msub_verdict verdict = msub_verdict_judge (evidence);
  tap_expect_text ("the case", case_name (verdict.kase), kase);
  tap_expect_text ("the offender", msub_who_name (verdict.who), msub_who_name (who));
}

/* ICMP errors: with the errno Linux makes of them, what they are called and what they mean.  KASE
   is "" where it is no verdict.  */
static const struct
{
  bool ipv6;
  int type, code, errnum;
  const char *kase, *name;
} icmp_rows[] = {
  { false, 3, 0, ENETUNREACH, "4", "net unreachable" },
  { false, 3, 1, EHOSTUNREACH, "4", "host unreachable" },
  { false, 3, 2, ENOPROTOOPT, "3", "protocol unreachable" },
  { false, 3, 3, ECONNREFUSED, "3", "port unreachable" },
  { false, 3, 4, EMSGSIZE, "", "fragmentation needed and don't fragment was set" },
  { false, 3, 5, EOPNOTSUPP, "4", "source route failed" },
  { false, 3, 6, ENETUNREACH, "3", "destination network unknown" },
  { false, 3, 7, EHOSTDOWN, "3", "destination host unknown" },
  { false, 3, 8, EHOSTDOWN, "3", "source host isolated" },
  { false, 3, 9, ENETUNREACH, "3",
    "communication with destination network administratively prohibited" },
  { false, 3, 10, EHOSTUNREACH, "3",
    "communication with destination host administratively prohibited" },
  { false, 3, 11, ENETUNREACH, "4", "destination network unreachable for type of service" },
  { false, 3, 12, EHOSTUNREACH, "4", "destination host unreachable for type of service" },
  { false, 3, 13, EHOSTUNREACH, "3", "communication administratively prohibited" },
  { false, 3, 14, EHOSTUNREACH, "3", "host precedence violation" },
  { false, 3, 15, EHOSTUNREACH, "3", "precedence cutoff in effect" },
  { false, 3, 16, EHOSTUNREACH, "4", "destination unreachable" },
  { false, 3, 255, EHOSTUNREACH, "4", "destination unreachable" },
  { false, 4, 0, ETIMEDOUT, "", "source quench" },
  { false, 5, 0, ETIMEDOUT, "", "redirect" },
  { false, 5, 1, ETIMEDOUT, "", "redirect" },
  { false, 11, 0, EHOSTUNREACH, "4", "time to live exceeded in transit" },
  { false, 11, 1, EHOSTUNREACH, "4", "fragment reassembly time exceeded" },
  { false, 11, 2, EHOSTUNREACH, "4", "time exceeded" },
  { false, 12, 0, EPROTO, "4", "parameter problem" },
  { false, 12, 1, EPROTO, "4", "parameter problem" },
  { false, 12, 2, EPROTO, "4", "parameter problem" },
  { false, 1, 1, EHOSTUNREACH, "4", "unknown ICMP error" },
  { false, 42, 0, EHOSTUNREACH, "4", "unknown ICMP error" },
  { true, 1, 0, ENETUNREACH, "4", "no route to destination" },
  { true, 1, 1, EACCES, "3", "communication with destination administratively prohibited" },
  { true, 1, 2, EHOSTUNREACH, "4", "beyond scope of source address" },
  { true, 1, 3, EHOSTUNREACH, "4", "address unreachable" },
  { true, 1, 4, ECONNREFUSED, "3", "port unreachable" },
  { true, 1, 5, EACCES, "3", "source address failed ingress/egress policy" },
  { true, 1, 6, EACCES, "3", "reject route to destination" },
  { true, 1, 7, EPROTO, "4", "error in source routing header" },
  { true, 1, 8, EPROTO, "4", "headers too long" },
  { true, 1, 9, EPROTO, "4", "destination unreachable" },
  { true, 2, 0, EMSGSIZE, "", "packet too big" },
  { true, 2, 7, EMSGSIZE, "", "packet too big" },
  { true, 3, 0, EHOSTUNREACH, "4", "hop limit exceeded in transit" },
  { true, 3, 1, EHOSTUNREACH, "4", "fragment reassembly time exceeded" },
  { true, 3, 2, EHOSTUNREACH, "4", "time exceeded" },
  { true, 4, 0, EPROTO, "3", "erroneous header field encountered" },
  { true, 4, 1, EPROTO, "3", "unrecognized next header type encountered" },
  { true, 4, 2, EPROTO, "3", "unrecognized IPv6 option encountered" },
  { true, 4, 3, EPROTO, "3", "parameter problem" },
  { true, 11, 0, EHOSTUNREACH, "4", "unknown ICMP error" },
  { true, 100, 0, EHOSTUNREACH, "4", "unknown ICMP error" },
};

static void
test_icmp (void)
{
  for (size_t i = 0; i < TAP_COUNT (icmp_rows); i++)
    {
      tap_begin ("verdict: %s %d/%d, %s", icmp_rows[i].ipv6 ? "ICMPv6" : "ICMP", icmp_rows[i].type,
                 icmp_rows[i].code, icmp_rows[i].name);
      struct msub_evidence evidence = { .errnum = icmp_rows[i].errnum, .queue_readable = true,
                                        .icmp = true, .ipv6 = icmp_rows[i].ipv6,
                                        .type = icmp_rows[i].type, .code = icmp_rows[i].code };
      tap_expect_text ("the name", msub_icmp_name (evidence.ipv6, evidence.type, evidence.code),
                       icmp_rows[i].name);
      if (icmp_rows[i].kase[0])
        {
          expect (&evidence, icmp_rows[i].kase, MSUB_WHO_ROUTER);
          /* What this system makes of it adds nothing, and our own deadline takes nothing away.  */
          evidence.errnum = ETIMEDOUT;
          expect (&evidence, icmp_rows[i].kase, MSUB_WHO_ROUTER);
          evidence.errnum = icmp_rows[i].errnum;
          evidence.offender_is_server = true;
          expect (&evidence, icmp_rows[i].kase, MSUB_WHO_SERVER);
          /* On loopback and in a test network the server's address is one of ours, too.  */
          evidence.offender_is_self = true;
          expect (&evidence, icmp_rows[i].kase, MSUB_WHO_SERVER);
          evidence.offender_is_server = false;
          expect (&evidence, "local", MSUB_WHO_SELF);
        }
      else
        {
          evidence.errnum = ETIMEDOUT;
          expect (&evidence, "5", MSUB_WHO_NONE);
          evidence.errnum = ECONNREFUSED;
          expect (&evidence, "2", MSUB_WHO_NONE);
          evidence.offender_is_self = true;
          expect (&evidence, "2", MSUB_WHO_NONE);
        }
      evidence.errnum = 0;
      expect (&evidence, "1", MSUB_WHO_NONE);
      tap_end ();
    }
}

/* Without an ICMP error: what an errno value means where the queue can be read, where it cannot,
   and when connect() itself says so.  */
static const struct
{
  int errnum;
  const char *name, *with_queue, *without_queue, *at_once, *at_once_without_queue;
} errno_rows[] = {
#define ROW(e) e, #e
  { 0, "connected", "1", "1", "1", "1" },
  { ROW (ETIMEDOUT), "5", "5", "5", "5" },
  { ROW (ECONNREFUSED), "2", "2 or 3", "2", "2 or 3" },
  { ROW (ECONNRESET), "greeting", "greeting", "greeting", "greeting" },
  { ROW (EHOSTUNREACH), "local", "3 or 4", "local", "local" },
  { ROW (ENETUNREACH), "local", "3 or 4", "local", "local" },
  { ROW (EHOSTDOWN), "local", "3 or 4", "local", "local" },
#ifdef ENONET
  { ROW (ENONET), "local", "3 or 4", "local", "local" },
#endif
  { ROW (ENOPROTOOPT), "local", "3 or 4", "local", "local" },
  { ROW (EOPNOTSUPP), "local", "3 or 4", "local", "local" },
  { ROW (EPROTO), "local", "3 or 4", "local", "local" },
  { ROW (EACCES), "local", "3 or 4", "local", "local" },
  { ROW (EPERM), "local", "local", "local", "local" },
  { ROW (EADDRNOTAVAIL), "local", "local", "local", "local" },
  { ROW (EAFNOSUPPORT), "local", "local", "local", "local" },
  { ROW (EINVAL), "local", "local", "local", "local" },
  { ROW (ENETDOWN), "local", "local", "local", "local" },
  { ROW (EMFILE), "local", "local", "local", "local" },
  { ROW (ENOBUFS), "local", "local", "local", "local" },
  { ROW (EMSGSIZE), "local", "local", "local", "local" },
  { 99999, "an unknown errno", "local", "local", "local", "local" },
#undef ROW
};

static void
test_errno (void)
{
  for (size_t i = 0; i < TAP_COUNT (errno_rows); i++)
    {
      tap_begin ("verdict: %s without an ICMP error", errno_rows[i].name);
      struct msub_evidence evidence = { .errnum = errno_rows[i].errnum, .queue_readable = true };
      expect (&evidence, errno_rows[i].with_queue, MSUB_WHO_NONE);
      evidence.at_once = true;
      expect (&evidence, errno_rows[i].at_once, MSUB_WHO_NONE);
      evidence.queue_readable = false;
      expect (&evidence, errno_rows[i].at_once_without_queue, MSUB_WHO_NONE);
      evidence.at_once = false;
      expect (&evidence, errno_rows[i].without_queue, MSUB_WHO_NONE);
      /* Without an ICMP error its other members mean nothing.  */
      evidence.type = 3;
      evidence.code = 13;
      evidence.offender_is_self = evidence.offender_is_server = evidence.ipv6 = true;
      expect (&evidence, errno_rows[i].without_queue, MSUB_WHO_NONE);
      tap_end ();
    }
}

static void
test_names (void)
{
  static const struct { enum msub_case kase; const char *name; } cases[] = {
    { MSUB_CASE_ANSWERED, "1" }, { MSUB_CASE_RESET, "2" }, { MSUB_CASE_HARD, "3" },
    { MSUB_CASE_SOFT, "4" }, { MSUB_CASE_SILENT, "5" }, { MSUB_CASE_RESET_OR_HARD, "2 or 3" },
    { MSUB_CASE_HARD_OR_SOFT, "3 or 4" }, { MSUB_CASE_LOCAL, "local" }, { MSUB_CASE_TLS, "tls" },
    { MSUB_CASE_GREETING, "greeting" }, { MSUB_CASE_NO_LOG_IN, "no-login" },
  };
  tap_begin ("names: the cases");
  tap_expect_int ("the number of cases", MSUB_CASES, (long long) TAP_COUNT (cases) + 1);
  for (size_t i = 0; i < TAP_COUNT (cases); i++)
    tap_expect_text ("the name", msub_case_name (cases[i].kase), cases[i].name);
  tap_expect (msub_case_name (MSUB_CASE_NONE) == NULL, "no case has a name");
  tap_expect (msub_case_name (MSUB_CASES) == NULL, "a case beyond the last has a name");
  tap_end ();

  tap_begin ("names: who sent an ICMP error");
  tap_expect_text ("the name", msub_who_name (MSUB_WHO_SELF), "self");
  tap_expect_text ("the name", msub_who_name (MSUB_WHO_ROUTER), "router");
  tap_expect_text ("the name", msub_who_name (MSUB_WHO_SERVER), "server");
  tap_expect (msub_who_name (MSUB_WHO_NONE) == NULL, "no one has a name");
  tap_expect (msub_who_name (MSUB_WHOS) == NULL, "one beyond the last has a name");
  tap_end ();
}

int
main (void)
{
  test_icmp ();
  test_errno ();
  test_names ();
  return tap_done ();
}
