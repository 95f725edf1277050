/* certs.c --- the certificate workshop: a CA, and certificates right and wrong in one way each.

   ECDSA on P-256 unless the name says otherwise, so that all of them are made in no time.
   SPDX-License-Identifier: GPL-3.0-or-later  */

#define _GNU_SOURCE
#include "certs.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <gnutls/crypto.h>
#include <gnutls/x509-ext.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define CHAIN_MAX 100

/* Who signs.  All but the last three lead to the CA.  */
enum issuer
{
  BY_CA, BY_INTERMEDIATE, BY_HIDDEN_INTERMEDIATE, BY_EXPIRED_INTERMEDIATE, BY_LEAF,
  BY_NO_CERTSIGN, BY_PATHLEN, BY_CONSTRAINED, BY_MANY, BY_RSA_CA,
  BY_SELF, BY_SELF_AS_CA, BY_UNKNOWN
};

enum key { P256, RSA512, RSA1024, RSA2048, ED25519 };

enum twist { NONE, CLIENT_AUTH, ENCIPHER, CRITICAL, MUST_STAPLE, BAD_SIGNATURE, WRONG_KEY };

/* Names that are long, and of characters of more than one octet.  */
#define TWENTY "日本電子郵便技術研究所社内認証局第一世代"
#define SIXTY "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
#define UMLAUTS "üüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüü"

/* CN: NULL is the first of --names.  SANS: comma-separated kind:value; @ stands for --names.  */
static const struct recipe
{
  const char *name, *cn, *sans, *ca; /* CA: what the one that nobody knows is called */
  enum issuer issuer;
  enum twist twist;
  int from, to; /* days from now; 0, 0: valid */
  enum key key;
  gnutls_digest_algorithm_t digest;
} recipes[] = {
  { .name = "good", .sans = "@" },
  { .name = "expired", .sans = "@", .from = -30, .to = -1 },
  { .name = "notyet", .sans = "@", .from = 1, .to = 30 },
  { .name = "soon", .sans = "@", .from = -80, .to = 7 },
  { .name = "othername", .cn = "other.example.net", .sans = "dns:other.example.net" },
  { .name = "self-signed", .sans = "@", .issuer = BY_SELF },
  { .name = "unknown-ca", .sans = "@", .issuer = BY_UNKNOWN },
  { .name = "utf8-issuer", .sans = "@", .issuer = BY_UNKNOWN, .ca = TWENTY TWENTY TWENTY TWENTY },
  { .name = "utf8-sans", .cn = "x", .sans = "dns:" SIXTY ",dns:a" UMLAUTS UMLAUTS UMLAUTS ",dns:" UMLAUTS },
  { .name = "fake-ca-subject", .sans = "@", .issuer = BY_SELF_AS_CA },
  { .name = "no-san-cn" },
  { .name = "cn-ok-san-other", .sans = "dns:other.example.net" },
  { .name = "cn-other-san-ok", .cn = "other.example.net", .sans = "@" },
  { .name = "second-san", .cn = "other.example.net", .sans = "dns:other.example.net,@" },
  { .name = "uri-san", .sans = "uri:smtp://smtp.example.org/" },
  { .name = "wildcard", .sans = "dns:*.example.org" },
  { .name = "wildcard-star", .sans = "dns:*" },
  { .name = "wildcard-double", .sans = "dns:*.*.org" },
  { .name = "wildcard-partial", .sans = "dns:sm*.example.org" },
  { .name = "wildcard-inner", .sans = "dns:smtp.*.org" },
  { .name = "wildcard-idn", .sans = "dns:xn--*.example.org" },
  { .name = "wildcard-ip", .sans = "dns:*.0.0.1,dns:*.0.2.1" },
  { .name = "parent", .cn = "example.org", .sans = "dns:example.org" },
  { .name = "prefix", .cn = "x", .sans = "dns:notsmtp.example.org" },
  { .name = "suffix", .cn = "x", .sans = "dns:smtp.example.org.evil.test" },
  { .name = "idn", .cn = "x", .sans = "dns:xn--bcher-kva.example.org" },
  { .name = "ip-ok", .cn = "x", .sans = "ip:127.0.0.1,ip:::1,ip:192.0.2.1,ip:2001:db8::1" },
  { .name = "ip-other", .cn = "x", .sans = "ip:198.51.100.7,ip:2001:db8:ffff::7" },
  { .name = "ip-in-dns", .cn = "x",
    .sans = "dns:127.0.0.1,dns:::1,dns:192.0.2.1,dns:2001:db8::1" },
  { .name = "ip-in-cn", .cn = "127.0.0.1" },
  { .name = "nul-in-san", .cn = "x", .sans = "dns:smtp.example.org\\0.evil.test" },
  { .name = "clientauth-only", .sans = "@", .twist = CLIENT_AUTH },
  { .name = "encipher-only", .sans = "@", .twist = ENCIPHER, .key = RSA2048 },
  { .name = "not-a-ca-issuer", .sans = "@", .issuer = BY_LEAF },
  { .name = "no-certsign-issuer", .sans = "@", .issuer = BY_NO_CERTSIGN },
  { .name = "pathlen", .sans = "@", .issuer = BY_PATHLEN },
  { .name = "name-constraints", .sans = "@", .issuer = BY_CONSTRAINED },
  { .name = "intermediate", .sans = "@", .issuer = BY_INTERMEDIATE },
  { .name = "no-intermediate", .sans = "@", .issuer = BY_HIDDEN_INTERMEDIATE },
  { .name = "expired-intermediate", .sans = "@", .issuer = BY_EXPIRED_INTERMEDIATE },
  { .name = "many-certs", .sans = "@", .issuer = BY_MANY },
  { .name = "sha1", .sans = "@", .digest = GNUTLS_DIG_SHA1 },
  { .name = "md5", .sans = "@", .issuer = BY_RSA_CA, .digest = GNUTLS_DIG_MD5 },
  { .name = "rsa512", .sans = "@", .key = RSA512 },
  { .name = "rsa1024", .sans = "@", .key = RSA1024 },
  { .name = "rsa2048", .sans = "@", .key = RSA2048 },
  { .name = "ed25519", .sans = "@", .key = ED25519 },
  { .name = "revoked", .sans = "@" },
  { .name = "critical-ext", .sans = "@", .twist = CRITICAL },
  { .name = "must-staple", .sans = "@", .twist = MUST_STAPLE },
  { .name = "bad-signature", .sans = "@", .twist = BAD_SIGNATURE },
  { .name = "wrong-key", .sans = "@", .twist = WRONG_KEY },
};

/* The serial number on the CRL.  */
static const uint8_t revoked_serial[] = { 0x52, 0x45, 0x56, 0x4F, 0x4B, 0x45, 0x44 };

/* What has been made, kept here so that a connection needs no file.  */
struct made
{
  const char *name;
  gnutls_datum_t chain, key; /* PEM */
  gnutls_x509_crt_t crt;
  struct made *next;
};

static struct made *all_made;
static struct identity ca, rsa_ca, other_ca;

void
ok (int r, const char *what)
{
  if (r < 0)
    die ("certificates: %s: %s", what, gnutls_strerror (r));
}

static const struct recipe *
recipe_of (const char *name)
{
  for (size_t i = 0; i < sizeof recipes / sizeof *recipes; i++)
    if (strcmp (recipes[i].name, name) == 0)
      return &recipes[i];
  return NULL;
}

bool
certs_known (const char *name)
{
  return recipe_of (name) != NULL;
}

/* --- files -------------------------------------------------------------------------------- */

static char *
path_of (const char *name, const char *suffix)
{
  return printed ("%s/%s%s", options.certs, name, suffix);
}

/* Readers see the old file or the new one, never a half.  */
static void
write_file (const char *name, const char *suffix, const void *p, size_t n)
{
  char *path = path_of (name, suffix), *part = printed ("%s.part", path);
  FILE *f = fopen (part, "we");
  if (!f || fwrite (p, 1, n, f) != n || fclose (f) != 0 || rename (part, path) < 0)
    die ("%s: %s", path, strerror (errno));
  free (path);
  free (part);
}

static gnutls_datum_t
key_pem (gnutls_x509_privkey_t key)
{
  gnutls_datum_t pem;
  ok (gnutls_x509_privkey_export2_pkcs8 (key, GNUTLS_X509_FMT_PEM, NULL, GNUTLS_PKCS_PLAIN, &pem),
      "export a key");
  return pem;
}

/* --- SAN, by hand: GnuTLS would not encode the wrong ones --------------------------------- */

static void
add_san (struct der *d, const char *kind, const char *value)
{
  uint8_t buf[256];
  size_t n = 0;
  for (const char *p = value; *p && n < sizeof buf; p++)
    if (p[0] == '\\' && p[1] == '0')
      {
        buf[n++] = '\0';
        p++;
      }
    else
      buf[n++] = (uint8_t) *p;
  if (strcmp (kind, "ip") != 0)
    {
      der_element (d, strcmp (kind, "uri") == 0 ? 0x86 : 0x82, buf, n);
      return;
    }
  bool six = strchr (value, ':') != NULL;
  if (inet_pton (six ? AF_INET6 : AF_INET, value, buf) != 1)
    die ("%s is no address", value);
  der_element (d, 0x87, buf, six ? 16 : 4);
}

static void
add_names (struct der *d)
{
  char *names = need (strdup (options.names)), *save = NULL;
  uint8_t buf[16];
  for (char *p = strtok_r (names, ",", &save); p; p = strtok_r (NULL, ",", &save))
    {
      bool address = inet_pton (AF_INET, p, buf) == 1 || inet_pton (AF_INET6, p, buf) == 1;
      add_san (d, address ? "ip" : "dns", p);
    }
  free (names);
}

static void
set_sans (gnutls_x509_crt_t crt, const char *sans)
{
  struct der d = { NULL, 0 };
  char *list = need (strdup (sans)), *save = NULL;
  for (char *p = strtok_r (list, ",", &save); p; p = strtok_r (NULL, ",", &save))
    {
      char *colon = strchr (p, ':');
      if (strcmp (p, "@") == 0)
        add_names (&d);
      else
        {
          *colon = '\0';
          add_san (&d, p, colon + 1);
        }
    }
  der_wrap (&d, 0, 0x30);
  ok (gnutls_x509_crt_set_extension_by_oid (crt, "2.5.29.17", d.p, d.n, 0), "SAN");
  free (list);
  free (d.p);
}

/* --- making one --------------------------------------------------------------------------- */

static gnutls_x509_privkey_t
new_key (enum key kind)
{
  static const struct { gnutls_pk_algorithm_t algorithm; unsigned bits; } kinds[] = {
    [P256] = { GNUTLS_PK_ECDSA, GNUTLS_CURVE_TO_BITS (GNUTLS_ECC_CURVE_SECP256R1) },
    [RSA512] = { GNUTLS_PK_RSA, 512 },
    [RSA1024] = { GNUTLS_PK_RSA, 1024 },
    [RSA2048] = { GNUTLS_PK_RSA, 2048 },
    [ED25519] = { GNUTLS_PK_EDDSA_ED25519, GNUTLS_CURVE_TO_BITS (GNUTLS_ECC_CURVE_ED25519) },
  };
  gnutls_x509_privkey_t key;
  ok (gnutls_x509_privkey_init (&key), "key");
  ok (gnutls_x509_privkey_generate (key, kinds[kind].algorithm, kinds[kind].bits, 0),
      "generate a key");
  return key;
}

static gnutls_x509_crt_t
new_crt (const char *cn, gnutls_x509_privkey_t key, int from, int to)
{
  gnutls_x509_crt_t crt;
  uint8_t serial[8], id[20];
  size_t n = sizeof id;
  time_t now = time (NULL);
  ok (gnutls_x509_crt_init (&crt), "certificate");
  gnutls_rnd (GNUTLS_RND_NONCE, serial, sizeof serial);
  serial[0] = (serial[0] & 0x3F) | 0x40;
  ok (gnutls_x509_crt_set_version (crt, 3), "version");
  ok (gnutls_x509_crt_set_serial (crt, serial, sizeof serial), "serial");
  ok (gnutls_x509_crt_set_dn_by_oid (crt, GNUTLS_OID_X520_COMMON_NAME, 0, cn,
                                     (unsigned) strlen (cn)), "CN");
  ok (gnutls_x509_crt_set_activation_time (crt, now + from * (time_t) DAY), "date");
  ok (gnutls_x509_crt_set_expiration_time (crt, now + to * (time_t) DAY), "date");
  ok (gnutls_x509_crt_set_key (crt, key), "key");
  ok (gnutls_x509_crt_get_key_id (crt, 0, id, &n), "key id");
  ok (gnutls_x509_crt_set_subject_key_id (crt, id, n), "key id");
  return crt;
}

static void
sign (gnutls_x509_crt_t crt, const struct identity *issuer, gnutls_digest_algorithm_t digest)
{
  uint8_t id[20];
  size_t n = sizeof id;
  if (gnutls_x509_crt_get_subject_key_id (issuer->crt, id, &n, NULL) == 0 && issuer->crt != crt)
    ok (gnutls_x509_crt_set_authority_key_id (crt, id, n), "authority key id");
  ok (gnutls_x509_crt_sign2 (crt, issuer->crt, issuer->key, digest, 0), "sign");
}

/* A CA certificate under ISSUER (NULL: a root).  USAGE as in gnutls_x509_crt_set_key_usage.  */
static struct identity
new_ca (const char *cn, const struct identity *issuer, enum key kind, int to, int pathlen,
        unsigned usage)
{
  struct identity i = { NULL, new_key (kind) };
  i.crt = new_crt (cn, i.key, to < 0 ? -30 : -1, to);
  ok (gnutls_x509_crt_set_basic_constraints (i.crt, 1, pathlen), "basic constraints");
  ok (gnutls_x509_crt_set_key_usage (i.crt, usage), "key usage");
  if (issuer && strcmp (cn, "constrained CA") == 0)
    {
      gnutls_x509_name_constraints_t nc;
      gnutls_datum_t only = { (unsigned char *) "example.net", 11 };
      ok (gnutls_x509_name_constraints_init (&nc), "name constraints");
      ok (gnutls_x509_name_constraints_add_permitted (nc, GNUTLS_SAN_DNSNAME, &only), "permitted");
      ok (gnutls_x509_crt_set_name_constraints (i.crt, nc, 1), "name constraints");
      gnutls_x509_name_constraints_deinit (nc);
    }
  sign (i.crt, issuer ? issuer : &i, GNUTLS_DIG_SHA256);
  return i;
}

#define CA_USAGE (GNUTLS_KEY_KEY_CERT_SIGN | GNUTLS_KEY_CRL_SIGN)

/* The CAs between the root and the leaf, root first.  Returns their number.  */
static size_t
make_chain (enum issuer issuer, struct identity *chain)
{
  size_t n = 0;
  chain[n++] = issuer == BY_UNKNOWN ? other_ca : issuer == BY_RSA_CA ? rsa_ca : ca;
  switch (issuer)
    {
    case BY_INTERMEDIATE:
    case BY_HIDDEN_INTERMEDIATE:
      chain[n++] = new_ca ("intermediate CA", &ca, P256, 30, -1, CA_USAGE);
      break;
    case BY_EXPIRED_INTERMEDIATE:
      chain[n++] = new_ca ("expired CA", &ca, P256, -1, -1, CA_USAGE);
      break;
    case BY_NO_CERTSIGN:
      chain[n++] = new_ca ("CA that may not sign", &ca, P256, 30, -1,
                           GNUTLS_KEY_DIGITAL_SIGNATURE | GNUTLS_KEY_CRL_SIGN);
      break;
    case BY_CONSTRAINED:
      chain[n++] = new_ca ("constrained CA", &ca, P256, 30, -1, CA_USAGE);
      break;
    case BY_PATHLEN:
      chain[n++] = new_ca ("last CA", &ca, P256, 30, 0, CA_USAGE);
      chain[n] = new_ca ("CA after the last", &chain[n - 1], P256, 30, -1, CA_USAGE);
      n++;
      break;
    case BY_LEAF:
      chain[n] = (struct identity) { NULL, new_key (P256) };
      chain[n].crt = new_crt ("leaf.example.org", chain[n].key, -1, 30);
      ok (gnutls_x509_crt_set_basic_constraints (chain[n].crt, 0, -1), "basic constraints");
      sign (chain[n].crt, &ca, GNUTLS_DIG_SHA256);
      n++;
      break;
    case BY_MANY:
      while (n < CHAIN_MAX)
        {
          char cn[32];
          snprintf (cn, sizeof cn, "CA number %zu", n);
          chain[n] = new_ca (cn, &chain[n - 1], P256, 30, -1, CA_USAGE);
          n++;
        }
      break;
    default:
      break;
    }
  return n;
}

static void
twist (gnutls_x509_crt_t crt, const struct recipe *r)
{
  gnutls_x509_tlsfeatures_t features;
  ok (gnutls_x509_crt_set_key_purpose_oid (crt, r->twist == CLIENT_AUTH
                                                  ? GNUTLS_KP_TLS_WWW_CLIENT
                                                  : GNUTLS_KP_TLS_WWW_SERVER, 0), "purpose");
  if (r->twist == CRITICAL)
    ok (gnutls_x509_crt_set_extension_by_oid (crt, "1.3.6.1.4.1.32473.1", "\x05", 2, 1),
        "critical extension");
  if (r->twist == MUST_STAPLE)
    {
      ok (gnutls_x509_tlsfeatures_init (&features), "TLS feature");
      ok (gnutls_x509_tlsfeatures_add (features, 5), "TLS feature");
      ok (gnutls_x509_crt_set_tlsfeatures (crt, features), "TLS feature");
      gnutls_x509_tlsfeatures_deinit (features);
    }
  if (strcmp (r->name, "revoked") == 0)
    ok (gnutls_x509_crt_set_serial (crt, revoked_serial, sizeof revoked_serial), "serial");
}

static void
append_pem (struct der *pem, gnutls_x509_crt_t crt, bool spoil)
{
  gnutls_datum_t der, text;
  ok (gnutls_x509_crt_export2 (crt, GNUTLS_X509_FMT_DER, &der), "export");
  if (spoil)
    der.data[der.size - 1] ^= 1; /* the end of the signature */
  ok (gnutls_pem_base64_encode2 ("CERTIFICATE", &der, &text), "PEM");
  der_append (pem, text.data, text.size);
  gnutls_free (der.data);
  gnutls_free (text.data);
}

static void
make_one (const struct recipe *r)
{
  struct made *m = need (calloc (1, sizeof *m));
  struct identity *chain = need (calloc (CHAIN_MAX, sizeof *chain));
  size_t n = make_chain (r->issuer, chain);
  char *first = need (strndup (options.names, strcspn (options.names, ",")));
  gnutls_x509_privkey_t key = new_key (r->key), shown = key;
  bool dated = r->from || r->to, self = r->issuer == BY_SELF || r->issuer == BY_SELF_AS_CA;
  m->name = r->name;
  m->crt = new_crt (r->cn ? r->cn : first, key, dated ? r->from : -1, dated ? r->to : 30);
  if (r->issuer == BY_SELF_AS_CA)
    {
      char dn[128];
      size_t dn_n = sizeof dn;
      const char *error;
      ok (gnutls_x509_crt_get_dn (ca.crt, dn, &dn_n), "DN");
      ok (gnutls_x509_crt_set_dn (m->crt, dn, &error), "DN");
    }
  ok (gnutls_x509_crt_set_basic_constraints (m->crt, self, -1), "basic constraints");
  ok (gnutls_x509_crt_set_key_usage (m->crt, (r->twist == ENCIPHER ? 0 : GNUTLS_KEY_DIGITAL_SIGNATURE)
                                               | (r->key == RSA2048 || r->key == RSA1024
                                                  || r->key == RSA512
                                                  ? GNUTLS_KEY_KEY_ENCIPHERMENT : 0)), "usage");
  if (r->sans)
    set_sans (m->crt, r->sans);
  twist (m->crt, r);
  struct identity own = { m->crt, key };
  sign (m->crt, self ? &own : &chain[n - 1], r->digest ? r->digest : GNUTLS_DIG_SHA256);

  struct der pem = { NULL, 0 };
  append_pem (&pem, m->crt, r->twist == BAD_SIGNATURE);
  for (size_t i = n; !self && r->issuer != BY_HIDDEN_INTERMEDIATE && --i > 0;)
    append_pem (&pem, chain[i].crt, false);
  if (r->twist == WRONG_KEY)
    shown = new_key (P256);
  m->chain = (gnutls_datum_t) { pem.p, (unsigned) pem.n };
  m->key = key_pem (shown);
  write_file (r->name, ".pem", m->chain.data, m->chain.size);
  write_file (r->name, ".key", m->key.data, m->key.size);
  m->next = all_made;
  all_made = m;
  if (shown != key)
    gnutls_x509_privkey_deinit (shown);
  gnutls_x509_privkey_deinit (key);
  for (size_t i = 1; i < n; i++)
    {
      gnutls_x509_crt_deinit (chain[i].crt);
      gnutls_x509_privkey_deinit (chain[i].key);
    }
  free (chain);
  free (first);
}

/* --- CA and CRL --------------------------------------------------------------------------- */

static gnutls_datum_t
read_file (const char *name, const char *suffix)
{
  gnutls_datum_t d = { NULL, 0 };
  char *path = path_of (name, suffix);
  if (gnutls_load_file (path, &d) < 0)
    d = (gnutls_datum_t) { NULL, 0 };
  free (path);
  return d;
}

/* The root NAME: the one in the directory, so that several peers may share it, or a new one.  */
static struct identity
root (const char *name, const char *cn, enum key kind)
{
  struct identity i = { NULL, NULL };
  gnutls_datum_t crt = read_file (name, ".pem"), key = read_file (name, ".key");
  if (crt.data && key.data)
    {
      ok (gnutls_x509_crt_init (&i.crt), "CA");
      ok (gnutls_x509_crt_import (i.crt, &crt, GNUTLS_X509_FMT_PEM), "read the CA");
      ok (gnutls_x509_privkey_init (&i.key), "CA");
      ok (gnutls_x509_privkey_import (i.key, &key, GNUTLS_X509_FMT_PEM), "read the CA's key");
      gnutls_free (crt.data);
      gnutls_free (key.data);
      return i;
    }
  i = new_ca (cn, NULL, kind, 3650, -1, CA_USAGE);
  struct der pem = { NULL, 0 };
  append_pem (&pem, i.crt, false);
  gnutls_datum_t text = key_pem (i.key);
  write_file (name, ".key", text.data, text.size);
  write_file (name, ".pem", pem.p, pem.n);
  gnutls_free (text.data);
  gnutls_free (crt.data);
  gnutls_free (key.data);
  free (pem.p);
  return i;
}

/* The RSA root, for MD5, which ECDSA does not have, is trusted as well.  */
static void
make_rsa_root (void)
{
  if (rsa_ca.crt)
    return;
  rsa_ca = root ("ca-rsa", "test CA with RSA", RSA2048);
  struct der pem = { NULL, 0 };
  append_pem (&pem, ca.crt, false);
  append_pem (&pem, rsa_ca.crt, false);
  write_file ("ca", ".pem", pem.p, pem.n);
  free (pem.p);
}

static void
make_crl (void)
{
  gnutls_x509_crl_t crl;
  gnutls_datum_t pem;
  uint8_t id[20];
  size_t n = sizeof id;
  time_t now = time (NULL);
  ok (gnutls_x509_crl_init (&crl), "CRL");
  ok (gnutls_x509_crl_set_version (crl, 2), "CRL version");
  ok (gnutls_x509_crl_set_this_update (crl, now - DAY), "CRL date");
  ok (gnutls_x509_crl_set_next_update (crl, now + 30 * DAY), "CRL date");
  ok (gnutls_x509_crl_set_crt_serial (crl, revoked_serial, sizeof revoked_serial, now - DAY),
      "CRL entry");
  ok (gnutls_x509_crl_set_number (crl, "\x01", 1), "CRL number");
  ok (gnutls_x509_crt_get_subject_key_id (ca.crt, id, &n, NULL), "CA key id");
  ok (gnutls_x509_crl_set_authority_key_id (crl, id, n), "CRL key id");
  ok (gnutls_x509_crl_sign2 (crl, ca.crt, ca.key, GNUTLS_DIG_SHA256, 0), "sign the CRL");
  ok (gnutls_x509_crl_export2 (crl, GNUTLS_X509_FMT_PEM, &pem), "export the CRL");
  write_file ("crl", ".pem", pem.data, pem.size);
  gnutls_free (pem.data);
  gnutls_x509_crl_deinit (crl);
}

void
certs_make (char *const *names, size_t n)
{
  char *path = path_of ("lock", "");
  int lock = open (path, O_CREAT | O_RDWR | O_CLOEXEC, 0600);
  if (lock < 0 || flock (lock, LOCK_EX) < 0)
    die ("%s: %s", path, strerror (errno));
  ca = root ("ca", "test CA", P256);
  make_crl ();
  make_one (recipe_of ("good"));
  for (size_t i = 0; i < n; i++)
    {
      const struct recipe *r = recipe_of (names[i]);
      const struct made *m = all_made;
      if (!r)
        die ("no certificate `%s'", names[i]);
      while (m && m->name != r->name)
        m = m->next;
      if (m)
        continue;
      if (r->issuer == BY_RSA_CA)
        make_rsa_root ();
      if (r->issuer == BY_UNKNOWN)
        other_ca = new_ca (r->ca ? r->ca : "CA that nobody knows", NULL, P256, 3650, -1, CA_USAGE);
      make_one (r);
    }
  close (lock);
  free (path);
}

/* --- use ---------------------------------------------------------------------------------- */

/* gnutls_certificate_set_x509_key would sort the chain, and cut it off at sixteen.  */
static int
use_chain (gnutls_certificate_credentials_t credentials, const struct made *m)
{
  gnutls_pcert_st chain[CHAIN_MAX];
  unsigned n = CHAIN_MAX;
  gnutls_privkey_t key = NULL;
  int r = gnutls_pcert_list_import_x509_raw (chain, &n, &m->chain, GNUTLS_X509_FMT_PEM, 0);
  if (r < 0)
    return r;
  r = gnutls_privkey_init (&key);
  if (r == 0)
    r = gnutls_privkey_import_x509_raw (key, &m->key, GNUTLS_X509_FMT_PEM, NULL, 0);
  if (r == 0)
    r = gnutls_certificate_set_key (credentials, NULL, 0, chain, (int) n, key);
  if (r >= 0)
    return 0; /* now they belong to the credentials */
  for (unsigned i = 0; i < n; i++)
    gnutls_pcert_deinit (&chain[i]);
  if (key)
    gnutls_privkey_deinit (key);
  return r;
}

int
certs_use (gnutls_certificate_credentials_t credentials, const char *name, const char *staple)
{
  const struct made *m = all_made;
  while (m && strcmp (m->name, name) != 0)
    m = m->next;
  if (!m)
    return GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE;
  gnutls_certificate_set_flags (credentials, GNUTLS_CERTIFICATE_SKIP_KEY_CERT_MATCH);
  int r = use_chain (credentials, m);
  if (r == 0 && staple)
    staple_use (credentials, m->crt, &ca, staple);
  return r;
}
