/* resolve.h --- the addresses of a name, one family at a time.

   Floor 2.  getaddrinfo() knows hosts files, resolvers and whatever else the system is set up with, but cannot be
   interrupted: each look-up has a thread of its own, which is left to end alone when nobody wants its answer
   any more (SECURITY: M6).
   SPDX-License-Identifier: GPL-3.0-or-later  */

#ifndef MSUB_RESOLVE_H
#define MSUB_RESOLVE_H

#include "error.h"
#include "event.h"
#include "net.h"

#define MSUB_LOOKUP_ADDRESSES 16

struct msub_lookup;

/* Start to look HOST up in FAMILY (AF_INET, AF_INET6).  A numeric HOST is answered at once, and so is a name below
   `.invalid' (RFC 6761 section 6.4).  NULL with ERR (MSUB_INTERNAL).  */
struct msub_lookup *msub_lookup_start (const char *host, int family, struct msub_error *err);
void msub_lookup_free (struct msub_lookup **lookup);

bool msub_lookup_done (const struct msub_lookup *lookup);
/* Readable once the look-up has ended.  */
int msub_lookup_fd (const struct msub_lookup *lookup);

/* Once it has ended: the addresses in the system's order (RFC 6724), without duplicates.  */
size_t msub_lookup_addresses (const struct msub_lookup *lookup, const struct msub_address **addresses_r);
/* How many there are beyond those, which are as many as can be.  */
size_t msub_lookup_left_out (const struct msub_lookup *lookup);
/* Once LOOKUPS of HOST, of which either may be NULL, have ended without an address: fail with the reasons.  */
int msub_lookup_fail (struct msub_lookup *const lookups[2], const char *host, struct msub_error *err);

/* Emit a `resolved' event for LOOKUP, begun at STARTED, which has ended or is waited for no longer.  */
void msub_lookup_report (const struct msub_lookup *lookup, const struct msub_context *context, msub_time started);

#endif
