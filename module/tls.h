/* tls.h --- TLS on a connection, by GnuTLS; never less than asked for.

   Floor 4.  TLS 1.2 and 1.3 (RFC 8996, RFC 9325); the certificate is verified by chain, date, purpose and name
   (RFC 5280, RFC 9525).
   SPDX-License-Identifier: GPL-3.0-or-later  */

#ifndef MSUB_TLS_H
#define MSUB_TLS_H

#include "anchors.h"
#include "connection.h"

/* What is left of the last session with a server, for the next one of the same account (RFC 8446 section 2.2, RFC 5077): in
   memory, used once, and only for the same name and port.  Whoever makes it keeps it apart for each account and each
   set of options (RFC 9325 section 3.4).  */
struct msub_tls_memory;

struct msub_tls_memory *msub_tls_memory_new (void);

/* The options, read once before anything is connected.  */
struct msub_tls_trust;

/* NULL with ERR: MSUB_CONFIG for a file or a string that cannot be used, MSUB_INSECURE where this system has no trust
   anchors, MSUB_TIMEOUT where a file or a token did not answer, MSUB_CANCELLED.  */
struct msub_tls_trust *msub_tls_trust_new (const struct msub_context *context, const struct msub_tls_options *options,
                                           msub_time deadline, struct msub_error *err);
void msub_tls_trust_free (struct msub_tls_trust **trust);

/* Shake hands on C until DEADLINE.  NAME is the name (A-labels) or numeric address the user configured: SNI
   (RFC 6066) and the certificate's name are its.  MUST_VERIFY: anything but a good certificate is MSUB_INSECURE.
   At port 443 the server has to choose "smtp" by ALPN.  C must have nothing unread: what arrived before the handshake is an attack (SECURITY: B1).  0 with C on TLS;
   -1 with ERR, and then C may only be freed: MSUB_INSECURE, or MSUB_TLS where the network or the server cut the
   handshake short.  *INFO_R is filled as far as things went.  */
int msub_tls_start (struct msub_connection *c, const struct msub_tls_trust *trust, const char *name, bool must_verify,
                    msub_time deadline, struct msub_tls_info *info_r, struct msub_error *err);

/* Emit a `tls' event for INFO.  */
void msub_tls_report (const struct msub_context *context, const struct msub_tls_info *info);

/* The certificates of C's peer, its own first, each in base64 and ended by '\n'; NULL where there are none.  The caller frees
   it.  */
char *msub_tls_certificates (const struct msub_connection *c);

/* Channel binding data of C (RFC 9266 tls-exporter in TLS 1.3, RFC 5929 tls-unique in TLS 1.2 with extended master
   secret).  Returns its length in BUF (SIZE octets), 0 where there is none; *EXPORTER_R says which.  */
size_t msub_tls_binding (const struct msub_connection *c, unsigned char *buf, size_t size, bool *exporter_r);

/* The library's version, for the curious.  Static.  */
const char *msub_tls_version (void);

#endif
