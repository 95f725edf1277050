/* verdict.h --- which of the five cases an attempt met, from errno and the ICMP error queue.

   Floor 1, pure: no I/O.  The tables are RFC 792, RFC 1812, RFC 4443; what is hard and what is soft: RFC 1122 section 4.2.3.9.
   SPDX-License-Identifier: GPL-3.0-or-later  */

#ifndef MSUB_VERDICT_H
#define MSUB_VERDICT_H

#include "error.h"

enum msub_case
{
  MSUB_CASE_NONE = 0,     /* no verdict: the attempt was given up because another one won */
  MSUB_CASE_ANSWERED = 1, /* the port answers */
  MSUB_CASE_RESET = 2,    /* TCP RST */
  MSUB_CASE_HARD = 3,     /* ICMP hard error */
  MSUB_CASE_SOFT = 4,     /* ICMP soft error */
  MSUB_CASE_SILENT = 5,   /* nothing came back */
  MSUB_CASE_RESET_OR_HARD, /* "2 or 3": refused, and this system cannot tell how */
  MSUB_CASE_HARD_OR_SOFT,  /* "3 or 4": unreachable, and this system cannot tell how */
  MSUB_CASE_LOCAL,        /* no route, blocked or refused by this machine itself */
  MSUB_CASE_TLS,          /* the port answered; TLS could not be had */
  MSUB_CASE_GREETING,     /* accepted, then closed, or a greeting other than 220 */
  MSUB_CASE_NO_LOG_IN,    /* nothing is amiss, but mail is not submitted there: no AUTH inside verified TLS */
  MSUB_CASES
};

enum msub_who { MSUB_WHO_NONE, MSUB_WHO_SELF, MSUB_WHO_ROUTER, MSUB_WHO_SERVER, MSUB_WHOS };

/* What was seen of one attempt.  */
struct msub_evidence
{
  int errnum;             /* 0: connected; ETIMEDOUT: our own deadline or the system's */
  bool at_once;           /* connect() itself failed: the packet never left this machine */
  bool queue_readable;    /* this system tells ICMP errors through the error queue (Linux >= 5.8) */
  bool icmp;              /* the queue held an ICMP error ... */
  bool ipv6;              /* ... ICMPv6 (else ICMP) ... */
  int type, code;
  bool offender_is_self;   /* ... sent by one of this machine's own addresses ... */
  bool offender_is_server; /* ... or by the address we tried (this one counts first) */
};

struct msub_verdict
{
  enum msub_case kase;
  enum msub_who who;      /* MSUB_WHO_NONE without an ICMP error */
};

/* An ICMP error that is never a verdict (IPv4 3/4, source quench and redirect; IPv6 packet too big)
   counts as none; one that no table names is soft.  */
struct msub_verdict msub_verdict_judge (const struct msub_evidence *evidence);

/* "1" .. "5", "2 or 3", "local", "tls", "greeting", "no-login"; NULL for MSUB_CASE_NONE.  Static.  */
const char *msub_case_name (enum msub_case kase);

/* "self", "router", "server"; NULL for none.  Static.  */
const char *msub_who_name (enum msub_who who);

/* IANA's name of an ICMP or ICMPv6 error, such as "communication administratively prohibited"; the
   type's name where the code has none here; "unknown ICMP error" else.  Static.  */
const char *msub_icmp_name (bool ipv6, int type, int code);

#endif
