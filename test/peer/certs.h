/* certs.h --- what certs.c and staple.c share.

   SPDX-License-Identifier: GPL-3.0-or-later  */

#ifndef CERTS_H
#define CERTS_H

#include "peer.h"

#include <gnutls/abstract.h>
#include <gnutls/x509.h>

#define DAY 86400 /* seconds */

struct identity
{
  gnutls_x509_crt_t crt;
  gnutls_x509_privkey_t key;
};

/* Stop, naming WHAT, if R is a GnuTLS error.  */
void ok (int r, const char *what);

/* Let CREDENTIALS staple the response NAME by CA about CRT.  CRT and CA must outlive them.  */
void staple_use (gnutls_certificate_credentials_t credentials, gnutls_x509_crt_t crt,
                 const struct identity *ca, const char *name);

#endif
