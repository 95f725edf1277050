/* staple.c --- OCSP responses (RFC 6960) to staple, right and wrong in one way each.

   By hand, since GnuTLS reads them and does not make them.
   SPDX-License-Identifier: GPL-3.0-or-later  */

#define _GNU_SOURCE
#include "certs.h"

#include <gnutls/ocsp.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const struct staple
{
  const char *name;
  uint8_t status; /* of CertStatus: [0] good, [1] revoked, [2] unknown */
  int from, to;   /* days */
  bool other, bad_signature, garbage;
} staples[] = {
  { "good", 0x80, -1, 7, false, false, false },
  { "revoked", 0xA1, -1, 7, false, false, false },
  { "unknown", 0x82, -1, 7, false, false, false },
  { "stale", 0x80, -30, -7, false, false, false },
  { "other", 0x80, -1, 7, true, false, false }, /* about another certificate */
  { "bad-signature", 0x80, -1, 7, false, true, false },
  { "garbage", 0x80, -1, 7, false, false, true },
};

static const struct staple *
staple_of (const char *name)
{
  for (size_t i = 0; i < sizeof staples / sizeof *staples; i++)
    if (strcmp (staples[i].name, name) == 0)
      return &staples[i];
  return NULL;
}

bool
certs_staple_known (const char *name)
{
  return staple_of (name) != NULL;
}

static void
der_time (struct der *d, int days)
{
  char buf[32];
  struct tm tm;
  time_t t = time (NULL) + days * (time_t) DAY;
  gmtime_r (&t, &tm);
  size_t n = strftime (buf, sizeof buf, "%Y%m%d%H%M%SZ", &tm);
  der_element (d, 0x18, buf, n);
}

static void
der_cert_id (struct der *d, gnutls_x509_crt_t crt, const struct identity *ca, bool other)
{
  static const uint8_t sha1[] = { 0x30, 9, 6, 5, 0x2B, 14, 3, 2, 0x1A, 5, 0 };
  gnutls_ocsp_req_t request;
  gnutls_digest_algorithm_t digest;
  gnutls_datum_t name, key, serial;
  size_t from = d->n;
  ok (gnutls_ocsp_req_init (&request), "OCSP");
  ok (gnutls_ocsp_req_add_cert (request, GNUTLS_DIG_SHA1, ca->crt, crt), "OCSP");
  ok (gnutls_ocsp_req_get_cert_id (request, 0, &digest, &name, &key, &serial), "OCSP");
  if (other)
    serial.data[serial.size - 1] ^= 1;
  der_append (d, sha1, sizeof sha1);
  der_element (d, 4, name.data, name.size);
  der_element (d, 4, key.data, key.size);
  der_element (d, 2, serial.data, serial.size);
  der_wrap (d, from, 0x30);
  gnutls_free (name.data);
  gnutls_free (key.data);
  gnutls_free (serial.data);
  gnutls_ocsp_req_deinit (request);
}

/* ResponseData, what is signed.  */
static void
der_response_data (struct der *d, gnutls_x509_crt_t crt, const struct identity *ca,
                   const struct staple *s)
{
  gnutls_datum_t dn;
  size_t all = d->n, list, single, status;
  ok (gnutls_x509_crt_get_raw_dn (ca->crt, &dn), "DN");
  der_element (d, 0xA1, dn.data, dn.size);
  gnutls_free (dn.data);
  der_time (d, s->from);
  list = single = d->n;
  der_cert_id (d, crt, ca, s->other);
  status = d->n;
  if (s->status == 0xA1)
    der_time (d, s->from);
  der_wrap (d, status, s->status);
  der_time (d, s->from);
  size_t next = d->n;
  der_time (d, s->to);
  der_wrap (d, next, 0xA0);
  der_wrap (d, single, 0x30);
  der_wrap (d, list, 0x30);
  der_wrap (d, all, 0x30);
}

static void
der_signature (struct der *d, size_t from, const struct identity *ca, bool spoil)
{
  static const uint8_t ecdsa_sha256[]
    = { 0x30, 10, 6, 8, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 4, 3, 2 };
  gnutls_datum_t data = { d->p + from, (unsigned) (d->n - from) }, signature;
  gnutls_privkey_t key;
  ok (gnutls_privkey_init (&key), "key");
  ok (gnutls_privkey_import_x509 (key, ca->key, 0), "key");
  ok (gnutls_privkey_sign_data (key, GNUTLS_DIG_SHA256, 0, &data, &signature), "sign");
  if (spoil)
    signature.data[signature.size - 1] ^= 1;
  der_append (d, ecdsa_sha256, sizeof ecdsa_sha256);
  size_t bits = d->n;
  der_append (d, "", 1); /* no unused bits */
  der_append (d, signature.data, signature.size);
  der_wrap (d, bits, 3);
  gnutls_free (signature.data);
  gnutls_privkey_deinit (key);
}

/* An OCSPResponse about CRT by CA.  The caller frees it.  */
static struct der
make_staple (gnutls_x509_crt_t crt, const struct identity *ca, const struct staple *s)
{
  static const uint8_t successful[] = { 10, 1, 0 };
  static const uint8_t basic[] = { 6, 9, 0x2B, 6, 1, 5, 5, 7, 0x30, 1, 1 };
  struct der d = { NULL, 0 };
  if (s->garbage)
    {
      der_append (&d, "this is no OCSP response", 24);
      return d;
    }
  der_append (&d, successful, sizeof successful);
  size_t bytes = d.n;
  der_append (&d, basic, sizeof basic);
  size_t octets = d.n;
  der_response_data (&d, crt, ca, s);
  der_signature (&d, octets, ca, s->bad_signature);
  der_wrap (&d, octets, 0x30);
  der_wrap (&d, octets, 4);
  der_wrap (&d, bytes, 0x30);
  der_wrap (&d, bytes, 0xA0);
  der_wrap (&d, 0, 0x30);
  return d;
}

/* What the status callback needs.  Kept for good: there are few.  */
struct stapled
{
  gnutls_x509_crt_t crt;
  const struct identity *ca;
  const struct staple *staple;
  struct stapled *next;
};

static int
give_staple (gnutls_session_t session, void *data, gnutls_datum_t *response)
{
  const struct stapled *p = data;
  struct der d = make_staple (p->crt, p->ca, p->staple);
  (void) session;
  response->data = gnutls_malloc (d.n);
  response->size = (unsigned) d.n;
  if (response->data)
    memcpy (response->data, d.p, d.n);
  free (d.p);
  return response->data ? 0 : GNUTLS_E_MEMORY_ERROR;
}

void
staple_use (gnutls_certificate_credentials_t credentials, gnutls_x509_crt_t crt,
            const struct identity *ca, const char *name)
{
  static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
  static struct stapled *all;
  const struct staple *staple = staple_of (name);
  pthread_mutex_lock (&lock);
  struct stapled *p = all;
  while (p && (p->crt != crt || p->staple != staple))
    p = p->next;
  if (!p)
    {
      p = need (calloc (1, sizeof *p));
      *p = (struct stapled) { crt, ca, staple, all };
      all = p;
    }
  pthread_mutex_unlock (&lock);
  gnutls_certificate_set_ocsp_status_request_function (credentials, give_staple, p);
}
