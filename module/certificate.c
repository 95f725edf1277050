/* certificate.c --- a server's certificate: what it says, and whether it is good (RFC 5280, RFC 9525).

   Floor 1.  SPDX-License-Identifier: GPL-3.0-or-later  */

#define _GNU_SOURCE
#include "certificate.h"

#include <arpa/inet.h>
#include <gnutls/gnutls.h>
#include <gnutls/ocsp.h>
#include <gnutls/x509.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

bool
msub_tls_numeric (const char *name, unsigned char *octets, unsigned *length_r)
{
  char address[INET6_ADDRSTRLEN];
  int length = (int) strcspn (name, "%");
  if (inet_pton (AF_INET, name, octets) == 1)
    *length_r = 4;
  else if (snprintf (address, sizeof address, "%.*s", length, name) == length && inet_pton (AF_INET6, address, octets) == 1)
    *length_r = 16;
  else
    return false;
  return true;
}

static void
iso_time (time_t when, char *dst, size_t size)
{
  struct tm tm;
  if (when == (time_t) -1 || !gmtime_r (&when, &tm) || strftime (dst, size, "%Y-%m-%dT%H:%M:%SZ", &tm) == 0)
    dst[0] = '\0';
}

static void
clean_copy (char *dst, size_t size, const gnutls_datum_t *text)
{
  msub_text_clean (dst, size, (const char *) text->data, text->size);
}

static void
append_name (struct msub_tls_info *info, const char *name)
{
  size_t length = strlen (info->names), more = strlen (name);
  if (length + more + 2 < sizeof info->names)
    snprintf (info->names + length, sizeof info->names - length, "%s\n", name);
}

/* No honest certificate names more.  */
#define NAMES_MAX 1000

/* Note the alternative names of LEAF.  Returns whether there is a dNSName among them.  */
static bool
read_names (gnutls_x509_crt_t leaf, struct msub_tls_info *info)
{
  bool dns = false;
  for (unsigned i = 0; i < NAMES_MAX; i++)
    {
      char raw[512], clean[256];
      size_t size = sizeof raw;
      unsigned type = 0;
      int failed = gnutls_x509_crt_get_subject_alt_name2 (leaf, i, raw, &size, &type, NULL);
      if (failed == GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE)
        break;
      dns = dns || type == GNUTLS_SAN_DNSNAME;
      if (failed < 0)
        continue;
      if (type == GNUTLS_SAN_DNSNAME)
        msub_text_clean (clean, sizeof clean, raw, size);
      else if (type == GNUTLS_SAN_IPADDRESS && (size == 4 || size == 16))
        inet_ntop (size == 4 ? AF_INET : AF_INET6, raw, clean, sizeof clean);
      else
        continue;
      append_name (info, clean);
    }
  return dns;
}

/* Whom a certificate is for, who issued it, and when it is valid.  */
struct particulars
{
  char subject[256], issuer[256], not_before[32], not_after[32];
};

static struct particulars
read_particulars (gnutls_x509_crt_t certificate)
{
  struct particulars particulars = { 0 };
  gnutls_datum_t text = { 0 };
  if (gnutls_x509_crt_get_dn3 (certificate, &text, 0) >= 0)
    clean_copy (particulars.subject, sizeof particulars.subject, &text);
  gnutls_free (text.data);
  text = (gnutls_datum_t) { 0 };
  if (gnutls_x509_crt_get_issuer_dn3 (certificate, &text, 0) >= 0)
    clean_copy (particulars.issuer, sizeof particulars.issuer, &text);
  gnutls_free (text.data);
  iso_time (gnutls_x509_crt_get_activation_time (certificate), particulars.not_before, sizeof particulars.not_before);
  iso_time (gnutls_x509_crt_get_expiration_time (certificate), particulars.not_after, sizeof particulars.not_after);
  return particulars;
}

static void
describe_chain (const gnutls_datum_t *chain, unsigned count, struct msub_tls_info *info)
{
  size_t length = 0;
  for (unsigned i = 0; i < count && i < MSUB_CHAIN_MAX; i++)
    {
      gnutls_x509_crt_t certificate;
      if (gnutls_x509_crt_init (&certificate) < 0)
        return;
      if (gnutls_x509_crt_import (certificate, &chain[i], GNUTLS_X509_FMT_DER) >= 0)
        {
          struct particulars p = read_particulars (certificate);
          length += (size_t) snprintf (info->chain + length, sizeof info->chain - length, "%s\t%s\t%s\t%s\n", p.subject,
                                       p.issuer, p.not_before, p.not_after);
        }
      gnutls_x509_crt_deinit (certificate);
    }
}
_Static_assert (MSUB_CHAIN_MAX * (sizeof (struct particulars) + 4) < sizeof ((struct msub_tls_info *) 0)->chain,
                "room for a whole chain");

static void
describe_leaf (gnutls_x509_crt_t leaf, struct msub_tls_info *info)
{
  struct particulars particulars = read_particulars (leaf);
  memcpy (info->subject, particulars.subject, sizeof info->subject);
  memcpy (info->issuer, particulars.issuer, sizeof info->issuer);
  memcpy (info->not_before, particulars.not_before, sizeof info->not_before);
  memcpy (info->not_after, particulars.not_after, sizeof info->not_after);
  unsigned char digest[32];
  size_t size = sizeof digest;
  if (gnutls_x509_crt_get_fingerprint (leaf, GNUTLS_DIG_SHA256, digest, &size) >= 0)
    {
      int length = snprintf (info->fingerprint, sizeof info->fingerprint, "sha256:");
      for (size_t i = 0; i < size; i++)
        length += snprintf (info->fingerprint + length, sizeof info->fingerprint - (size_t) length, "%02x", digest[i]);
    }
}

/* Why LEAF is not for NAME, into DST; false when it is.  GnuTLS falls back to the CN where there is no
   dNSName, and takes an address for a name: both are asked apart here (SECURITY: D9, D13).  */
static bool
name_differs (gnutls_x509_crt_t leaf, const char *name, struct msub_tls_info *info, char *dst, size_t size)
{
  unsigned char octets[16];
  unsigned length = 0;
  bool dns = read_names (leaf, info);
  bool match;
  if (msub_tls_numeric (name, octets, &length))
    match = gnutls_x509_crt_check_ip (leaf, octets, length, 0) != 0;
  else
    match = dns && gnutls_x509_crt_check_hostname (leaf, name) != 0;
  if (match)
    return false;
  char list[2 * sizeof info->names] = "", shown[256];
  size_t n = 0;
  for (const char *p = info->names; *p; p++)
    if (*p != '\n')
      list[n++] = *p;
    else if (p[1])
      {
        list[n++] = ',';
        list[n++] = ' ';
      }
  msub_text_clean (shown, sizeof shown, list, n);
  if (n)
    msub_text_format (dst, size, "it was issued for %s, not for %s", shown, name);
  else
    msub_text_format (dst, size, "it names no host and no address (a common name does not count), so it is not for %s", name);
  return true;
}

static void
describe_age (const char *what, time_t when, char *dst, size_t size)
{
  char date[32];
  iso_time (when, date, sizeof date);
  long long apart = (long long) (time (NULL) - when);
  long long days = (apart < 0 ? -apart : apart) / 86400;
  if (apart >= 0)
    snprintf (dst, size, "%s expired %lld day%s ago (%.10s)", what, days, days == 1 ? "" : "s", date);
  else
    snprintf (dst, size, "%s is not valid before %.10s, in %lld day%s; is this machine's clock right?", what, date, days,
              days == 1 ? "" : "s");
}

/* Expired or not yet valid: the leaf's dates or, where these are fine, an issuer's.  */
static void
describe_dates (gnutls_x509_crt_t leaf, char *dst, size_t size)
{
  time_t now = time (NULL);
  time_t from = gnutls_x509_crt_get_activation_time (leaf), until = gnutls_x509_crt_get_expiration_time (leaf);
  if (until < now)
    describe_age ("it", until, dst, size);
  else if (from > now)
    describe_age ("it", from, dst, size);
  else
    snprintf (dst, size, "a certificate of its issuers has expired, or is not valid yet");
}

static void
add_problem (struct msub_tls_info *info, const char *problem)
{
  size_t length = strlen (info->problems);
  snprintf (info->problems + length, sizeof info->problems - length, "%s\n", problem);
}

/* What GnuTLS may object to, the gravest first.  */
static const struct
{
  unsigned bit;
  const char *problem, *words;
} objections[] = {
  { GNUTLS_CERT_REVOKED, "revoked", "it has been revoked by its issuer" },
  { GNUTLS_CERT_SIGNATURE_FAILURE, "signature", "its signature is wrong" },
  { GNUTLS_CERT_MISSING_OCSP_STATUS, "must-staple",
    "it promises a stapled OCSP response (must-staple), and the server sent none" },
  { GNUTLS_CERT_INVALID_OCSP_STATUS, "staple", "the stapled OCSP response is invalid or too old" },
  { GNUTLS_CERT_SIGNER_NOT_CA, "not-an-authority", "it is signed by a certificate that is no certificate authority's" },
  { GNUTLS_CERT_SIGNER_CONSTRAINTS_FAILURE, "constraints", "its issuer may not issue certificates for this name" },
  { GNUTLS_CERT_PURPOSE_MISMATCH, "purpose", "it is not meant for servers" },
  { GNUTLS_CERT_INSECURE_ALGORITHM, "weak", "it, or an issuer's, uses an algorithm or a key that is too weak" },
  { GNUTLS_CERT_UNKNOWN_CRIT_EXTENSIONS, "extension", "it has a critical extension that is not understood" },
  { GNUTLS_CERT_REVOCATION_DATA_SUPERSEDED, "crl-old", "the revocation list is out of date" },
  { GNUTLS_CERT_REVOCATION_DATA_ISSUED_IN_FUTURE, "crl-future", "the revocation list is dated in the future" },
  { GNUTLS_CERT_MISMATCH, "mismatch", "it is not the expected one" },
};
#define OBJECTIONS (sizeof objections / sizeof *objections)

/* All that STATUS says against LEAF, in a word each.  */
static void
list_problems (unsigned status, gnutls_x509_crt_t leaf, struct msub_tls_info *info)
{
  time_t now = time (NULL);
  bool before = gnutls_x509_crt_get_activation_time (leaf) > now, after = gnutls_x509_crt_get_expiration_time (leaf) < now;
  if (after)
    add_problem (info, "expired");
  else if (before)
    add_problem (info, "not-yet-valid");
  else if (status & (GNUTLS_CERT_EXPIRED | GNUTLS_CERT_NOT_ACTIVATED))
    add_problem (info, "issuer-date");
  bool reason = before || after || (status & (GNUTLS_CERT_EXPIRED | GNUTLS_CERT_NOT_ACTIVATED));
  for (size_t i = 0; i < OBJECTIONS; i++)
    if (status & objections[i].bit)
      {
        add_problem (info, objections[i].problem);
        reason = true;
      }
  if ((status & GNUTLS_CERT_SIGNER_NOT_FOUND) || (status && !reason))
    add_problem (info, gnutls_x509_crt_check_issuer (leaf, leaf) ? "self-signed" : "issuer");
}

static void
describe_status (unsigned status, gnutls_x509_crt_t leaf, struct msub_tls_info *info)
{
  if (status & (GNUTLS_CERT_EXPIRED | GNUTLS_CERT_NOT_ACTIVATED))
    {
      describe_dates (leaf, info->unverified, sizeof info->unverified);
      return;
    }
  for (size_t i = 0; i < OBJECTIONS; i++)
    if (status & objections[i].bit)
      {
        snprintf (info->unverified, sizeof info->unverified, "%s", objections[i].words);
        return;
      }
  if (gnutls_x509_crt_check_issuer (leaf, leaf))
    snprintf (info->unverified, sizeof info->unverified, "it is signed by nobody but itself");
  else
    {
      char issuer[200];
      msub_text_clean (issuer, sizeof issuer, info->issuer, strlen (info->issuer));
      msub_text_format (info->unverified, sizeof info->unverified, "nobody trusted here vouches for its issuer (%s)", issuer);
    }
}

/* There may be more than one thing wrong.  */
static void
add_reason (struct msub_tls_info *info, const char *reason)
{
  size_t length = strlen (info->unverified);
  msub_text_format (info->unverified + length, sizeof info->unverified - length, "%s%s", length ? "; " : "", reason);
}

/* What a stapled response (RFC 6960) says of LEAF.  GnuTLS refuses "revoked" itself, and lets "unknown" pass, with which a
   stolen certificate's must-staple could be met (RFC 7633).  "invalid": it says nothing of LEAF.  */
static const char *
read_staple (gnutls_session_t session, gnutls_x509_crt_t leaf)
{
  gnutls_datum_t der = { 0 };
  gnutls_ocsp_resp_t response = NULL;
  if (gnutls_ocsp_status_request_get (session, &der) < 0 || der.size == 0)
    return "none";
  if (gnutls_ocsp_resp_init (&response) < 0)
    return "invalid";
  const char *said = "invalid";
  if (gnutls_ocsp_resp_import (response, &der) >= 0)
    for (unsigned i = 0; gnutls_ocsp_resp_check_crt (response, i, leaf) != GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE; i++)
      {
        unsigned status = GNUTLS_OCSP_CERT_GOOD;
        if (gnutls_ocsp_resp_check_crt (response, i, leaf) != 0
            || gnutls_ocsp_resp_get_single (response, i, NULL, NULL, NULL, NULL, &status, NULL, NULL, NULL, NULL) < 0)
          continue;
        if (status != GNUTLS_OCSP_CERT_GOOD)
          said = status == GNUTLS_OCSP_CERT_REVOKED ? "revoked" : "unknown";
        else if (strcmp (said, "invalid") == 0)
          said = "good";
      }
  gnutls_ocsp_resp_deinit (response);
  return said;
}

/* Is FINGERPRINT pinned for PORT?  */
static bool
is_pinned (const struct msub_pins *pins, uint16_t port, const char *fingerprint)
{
  for (size_t i = 0; i < pins->count; i++)
    if (pins->all[i].port == port && *fingerprint && msub_text_alike (pins->all[i].fingerprint, fingerprint, SIZE_MAX))
      return true;
  return false;
}

/* What checking LEAF came to: by GnuTLS (an error, or STATUS), by name, and by what was stapled.  */
struct judgement
{
  int failed;
  unsigned status;
  bool objects;          /* the stapled response does not call it good */
  bool differs;          /* it is for another name ... */
  char difference[600];  /* ... namely */
};

static void
judge (gnutls_session_t session, gnutls_x509_crt_t leaf, const char *name, struct msub_tls_info *info,
       struct judgement *judgement_r)
{
  gnutls_typed_vdata_st purpose = { .type = GNUTLS_DT_KEY_PURPOSE_OID, .data = (unsigned char *) GNUTLS_KP_TLS_WWW_SERVER };
  *judgement_r = (struct judgement) { 0 };
  judgement_r->failed = gnutls_certificate_verify_peers (session, &purpose, 1, &judgement_r->status);
  info->resumed = gnutls_session_is_resumed (session) != 0;
  /* A resumed handshake brings no staple; the one it goes back to was checked for it.  */
  if (info->resumed)
    judgement_r->status &= ~(unsigned) (GNUTLS_CERT_MISSING_OCSP_STATUS | GNUTLS_CERT_INVALID_OCSP_STATUS);
  judgement_r->differs = name_differs (leaf, name, info, judgement_r->difference, sizeof judgement_r->difference);
  info->ocsp = read_staple (session, leaf);
  judgement_r->objects = strcmp (info->ocsp, "revoked") == 0 || strcmp (info->ocsp, "unknown") == 0;
}

static bool
called_back (const struct judgement *judgement)
{
  return judgement->failed >= 0 && (judgement->status & GNUTLS_CERT_REVOKED);
}

/* Every problem in a word, and the gravest in a sentence.  */
static void
describe_judgement (const struct judgement *judgement, gnutls_x509_crt_t leaf, struct msub_tls_info *info)
{
  if (judgement->failed < 0)
    add_problem (info, "unchecked");
  else
    list_problems (judgement->status, leaf, info);
  if (judgement->differs)
    add_problem (info, "name");
  if (judgement->objects && strcmp (info->ocsp, "revoked") != 0)
    add_problem (info, "staple");
  else if (judgement->objects && !called_back (judgement))
    add_problem (info, "revoked");
  if (judgement->failed < 0)
    snprintf (info->unverified, sizeof info->unverified, "it could not be checked: %s", gnutls_strerror (judgement->failed));
  else if (judgement->status != 0)
    describe_status (judgement->status, leaf, info);
  else if (judgement->objects)
    snprintf (info->unverified, sizeof info->unverified, "the stapled OCSP response does not call it good");
  else
    info->verified = !judgement->differs;
  if (judgement->differs)
    add_reason (info, judgement->difference);
}

int
msub_tls_inspect (gnutls_session_t session, const char *name, uint16_t port, const struct msub_pins *pins,
                  struct msub_tls_info *info, struct msub_error *err)
{
  unsigned count = 0;
  const gnutls_datum_t *chain = gnutls_certificate_get_peers (session, &count);
  gnutls_x509_crt_t leaf = NULL;
  if (!chain || count == 0)
    {
      snprintf (info->unverified, sizeof info->unverified, "the server sent no certificate");
      add_problem (info, "none");
      return 0;
    }
  bool readable = gnutls_x509_crt_init (&leaf) >= 0 && gnutls_x509_crt_import (leaf, chain, GNUTLS_X509_FMT_DER) >= 0;
  if (readable)
    {
      struct judgement judgement;
      describe_leaf (leaf, info);
      describe_chain (chain, count, info);
      judge (session, leaf, name, info, &judgement);
      describe_judgement (&judgement, leaf, info);
      /* A pin stands in for an issuer, a date or a name; what its issuer has called back stays bad.  */
      info->pinned = !info->verified && !called_back (&judgement) && is_pinned (pins, port, info->fingerprint);
      info->verified = info->verified || info->pinned;
    }
  if (leaf)
    gnutls_x509_crt_deinit (leaf);
  return readable ? 0 : msub_fail (err, MSUB_INSECURE, "The server's certificate cannot be read");
}
