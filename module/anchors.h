/* anchors.h --- whom TLS trusts, and who we are: files and tokens, read once, and shared.

   Floor 3.  GnuTLS' own types are only named here, so that nobody else needs its header.
   SPDX-License-Identifier: GPL-3.0-or-later  */

#ifndef MSUB_ANCHORS_H
#define MSUB_ANCHORS_H

#include "certificate.h"
#include "wait.h"

struct gnutls_certificate_credentials_st;
struct msub_tls_memory;

/* The system's trust, 144 certificates or so, as it was read last: it is shared until the files change, for a minute at most.  */
struct msub_tls_shelf;

struct msub_tls_shelf *msub_tls_shelf_new (void);

/* The other members are in request.def.  */
struct msub_tls_options
{
#define MSUB_MEMBERS
#define MSUB_TLS_KEYS
#include "request.def"
  struct msub_tls_memory *memory; /* outlives all connections; or NULL */
  struct msub_tls_shelf *shelf;   /* is never freed; or NULL */
  bool look;             /* for looking only, nothing secret is going to be said: a system without trust anchors will do ... */
  bool weak;             /* ... and so will all that GnuTLS still speaks, TLS 1.0 and weak keys included */
};

/* What is read of them.  Nothing changes it then, so several connections and threads may share it.  */
struct msub_tls_anchors;

/* NULL with ERR: see msub_tls_trust_new.  */
struct msub_tls_anchors *msub_tls_anchors_load (const struct msub_context *context, const struct msub_tls_options *options,
                                                msub_time deadline, struct msub_error *err);

/* ANCHORS, for one more.  */
struct msub_tls_anchors *msub_tls_anchors_share (struct msub_tls_anchors *anchors);

/* One fewer has them.  NULL is fine.  */
void msub_tls_anchors_leave (struct msub_tls_anchors *anchors);

struct gnutls_certificate_credentials_st *msub_tls_anchors_credentials (const struct msub_tls_anchors *anchors);

#endif
