/* certificate.h --- a server's certificate: what it says, and whether it is good (RFC 5280, RFC 9525).

   Floor 1.  GnuTLS' own type is only named here, so that nobody else needs its header.
   SPDX-License-Identifier: GPL-3.0-or-later  */

#ifndef MSUB_CERTIFICATE_H
#define MSUB_CERTIFICATE_H

#include "error.h"

#include <stdint.h>

/* How many certificates of a chain are told of: an honest one is shorter, and a report has to end.  */
#define MSUB_CHAIN_MAX 10

struct gnutls_session_int;

/* A certificate that is good for PORT, whoever issued it (RFC 8314 section 5.4), and for no other port.  */
struct msub_pin
{
  uint16_t port;
  char fingerprint[80]; /* "sha256:<hex>" */
};
#define MSUB_PINS_MAX 16

struct msub_pins
{
  size_t count;
  struct msub_pin all[MSUB_PINS_MAX];
};

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

/* Is NAME an address?  A scope ("fe80::1%eth0") says where the address is to be found from here, and is no part of it.  */
bool msub_tls_numeric (const char *name, unsigned char *octets, unsigned *length_r);

/* Fill INFO from the certificate of the peer at PORT, with which SESSION is; INFO->verified says whether it is good for NAME,
   or is one of PINS.  -1 with ERR, MSUB_INSECURE, where it cannot be read at all.  */
int msub_tls_inspect (struct gnutls_session_int *session, const char *name, uint16_t port, const struct msub_pins *pins,
                      struct msub_tls_info *info, struct msub_error *err);

#endif
