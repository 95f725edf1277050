/* tls.h --- TLS on a connection, by GnuTLS; never less than asked for.

   Floor 2.  TLS 1.2 and 1.3 (RFC 8996, RFC 9325); the certificate is verified by chain, date, purpose and name
   (RFC 5280, RFC 9525).
   SPDX-License-Identifier: GPL-3.0-or-later  */

#ifndef MSUB_TLS_H
#define MSUB_TLS_H

#include "net.h"

/* What is left of the last session with a server, for the next one of the same account (RFC 8446 section 2.2, RFC 5077): in
   memory, used once, and only for the same name and port.  Whoever makes it keeps it apart for each account and each
   set of options (RFC 9325 section 3.4).  */
struct msub_tls_memory;

struct msub_tls_memory *msub_tls_memory_new (void);
void msub_tls_memory_free (struct msub_tls_memory **memory);

/* The system's trust, 144 certificates or so, as it was read last: it is shared until the files change, for a minute at most.  */
struct msub_tls_shelf;

struct msub_tls_shelf *msub_tls_shelf_new (void);

/* A certificate that is good for PORT, whoever issued it (RFC 8314 section 5.4), and for no other port.  */
struct msub_pin
{
  uint16_t port;
  char fingerprint[80]; /* "sha256:<hex>" */
};
#define MSUB_PINS_MAX 16

/* What an account says about TLS.  Everything may be NULL.  */
struct msub_tls_options
{
  struct msub_tls_memory *memory; /* outlives all connections */
  struct msub_tls_shelf *shelf;   /* is never freed */
  const char *ca_file;   /* PEM file, or a directory of them; else the system's trust */
  const char *crl_file;  /* PEM */
  const char *cert_file, *key_file; /* the client's own, PEM, or PKCS#11 URLs */
  const char *priority;  /* GnuTLS priority string; TLS below 1.2 stays off whatever it says (RFC 8996) */
  const struct msub_pin *pins;
  size_t pin_count;
  bool look;             /* for looking only, nothing secret is going to be said: a system without trust anchors will do ... */
  bool weak;             /* ... and so will all that GnuTLS still speaks, TLS 1.0 and weak keys included */
};

/* The options, read once before anything is connected.  */
struct msub_tls_trust;

/* NULL with ERR: MSUB_CONFIG for a file or a string that cannot be used, MSUB_INSECURE where this system has no trust
   anchors, MSUB_TIMEOUT where a file or a token did not answer, MSUB_CANCELLED.  */
struct msub_tls_trust *msub_tls_trust_new (const struct msub_context *context, const struct msub_tls_options *options,
                                           msub_time deadline, struct msub_error *err);
void msub_tls_trust_free (struct msub_tls_trust **trust);

/* What TLS came to.  Texts are clean; a list's elements end in '\n'.  */
struct msub_tls_info
{
  char version[16];      /* "TLS1.3" */
  char cipher[96];
  bool verified;
  char unverified[1024]; /* why not, in words */
  char subject[256], issuer[256];
  char names[1024];      /* list: dNSName and iPAddress */
  char not_before[32], not_after[32]; /* ISO 8601, UTC */
  char fingerprint[80];  /* "sha256:..." of the certificate; "" where there was none */
  bool pinned;           /* verified by the pin alone */
  bool resumed;          /* from an earlier session's ticket */
  char problems[256];    /* list: every check that the certificate has failed, in a word: "expired", "name", ... */
  char chain[8192];      /* list: of each certificate, the server's first: subject, issuer, not before, not after, with
                            tabs between them */
  const char *ocsp;      /* the stapled response (RFC 6066): "none", "good", "revoked", "unknown", "invalid".  Static.  */
  const char *failure;   /* why there was no handshake, in a word: "plaintext", "version", "weak", "alert", "closed",
                            "timeout", "other"; NULL where there was one.  Static.  */
};

/* Shake hands on C until DEADLINE.  NAME is the name (A-labels) or numeric address the user configured: SNI
   (RFC 6066) and the certificate's name are its.  MUST_VERIFY: anything but a good certificate is MSUB_INSECURE.
   C must have nothing unread: what arrived before the handshake is an attack (SECURITY: B1).  0 with C on TLS;
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
