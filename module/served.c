/* served.c --- TLS on a connection that somebody else has opened: the server's side, for the relay.

   Floor 2.  SPDX-License-Identifier: GPL-3.0-or-later  */

#define _GNU_SOURCE
#include "served.h"

#include <errno.h>
#include <fcntl.h>
#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* As tls.c's: never less than TLS 1.2.  */
static const char priority[] = "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2:%PROFILE_MEDIUM:%SERVER_PRECEDENCE";

struct msub_identity
{
  atomic_int owners;
  char *certificate, *key;
  gnutls_certificate_credentials_t loaded; /* what was there at first */
};

struct msub_served
{
  gnutls_session_t session;
  gnutls_certificate_credentials_t renewed; /* of this connection alone, or NULL */
  struct msub_identity *identity;
};

/* The identity */

static int
load (const char *certificate, const char *key, gnutls_certificate_credentials_t *credentials_r)
{
  int code = gnutls_certificate_allocate_credentials (credentials_r);
  if (code < 0)
    return code;
  code = gnutls_certificate_set_x509_key_file (*credentials_r, certificate, key, GNUTLS_X509_FMT_PEM);
  if (code >= 0)
    return 0;
  gnutls_certificate_free_credentials (*credentials_r);
  *credentials_r = NULL;
  return code;
}

static void
tell_fingerprint (gnutls_certificate_credentials_t credentials, char fingerprint_r[MSUB_FINGERPRINT])
{
  gnutls_datum_t certificate;
  unsigned char digest[32];
  size_t size = sizeof digest;
  fingerprint_r[0] = '\0';
  if (gnutls_certificate_get_crt_raw (credentials, 0, 0, &certificate) < 0
      || gnutls_fingerprint (GNUTLS_DIG_SHA256, &certificate, digest, &size) < 0)
    return;
  int n = snprintf (fingerprint_r, MSUB_FINGERPRINT, "sha256:");
  for (size_t i = 0; i < size; i++)
    n += snprintf (fingerprint_r + n, MSUB_FINGERPRINT - (size_t) n, "%02x", digest[i]);
}

struct msub_identity *
msub_identity_load (const char *certificate, const char *key, char fingerprint_r[MSUB_FINGERPRINT],
                    struct msub_error *err)
{
  struct msub_identity *identity = calloc (1, sizeof *identity);
  if (identity)
    *identity = (struct msub_identity){
      .owners = 1,
      .certificate = strdup (certificate),
      .key = strdup (key ? key : certificate),
    };
  if (!identity || !identity->certificate || !identity->key)
    msub_fail (err, MSUB_INTERNAL, "Out of memory");
  else
    {
      int code = load (identity->certificate, identity->key, &identity->loaded);
      if (code == 0)
        {
          tell_fingerprint (identity->loaded, fingerprint_r);
          return identity;
        }
      msub_fail (err, MSUB_CONFIG, "The relay's certificate %s cannot be used with the key in %s: %s",
                 identity->certificate, identity->key, gnutls_strerror (code));
    }
  msub_identity_leave (identity);
  return NULL;
}

struct msub_identity *
msub_identity_share (struct msub_identity *identity)
{
  if (identity)
    atomic_fetch_add (&identity->owners, 1);
  return identity;
}

void
msub_identity_leave (struct msub_identity *identity)
{
  if (!identity || atomic_fetch_sub (&identity->owners, 1) > 1)
    return;
  if (identity->loaded)
    gnutls_certificate_free_credentials (identity->loaded);
  free (identity->certificate);
  free (identity->key);
  free (identity);
}

/* Fill CRT, for NAME and KEY; it is good for ten years, since whoever trusts it has looked at its fingerprint.  */
static int
fill_in (gnutls_x509_crt_t crt, gnutls_x509_privkey_t key, const char *name)
{
  const time_t day = 86400, now = time (NULL);
  unsigned char serial[16];
  int code = gnutls_rnd (GNUTLS_RND_NONCE, serial, sizeof serial);
  serial[0] &= 0x7F;
  if (code >= 0)
    code = gnutls_x509_crt_set_version (crt, 3);
  if (code >= 0)
    code = gnutls_x509_crt_set_serial (crt, serial, sizeof serial);
  if (code >= 0)
    code = gnutls_x509_crt_set_dn_by_oid (crt, GNUTLS_OID_X520_COMMON_NAME, 0, name, (unsigned) strnlen (name, 64));
  if (code >= 0)
    code = gnutls_x509_crt_set_subject_alt_name (crt, GNUTLS_SAN_DNSNAME, name, (unsigned) strlen (name),
                                                 GNUTLS_FSAN_SET);
  if (code >= 0)
    code = gnutls_x509_crt_set_subject_alt_name (crt, GNUTLS_SAN_DNSNAME, "localhost", 9, GNUTLS_FSAN_APPEND);
  if (code >= 0)
    code = gnutls_x509_crt_set_activation_time (crt, now - day);
  if (code >= 0)
    code = gnutls_x509_crt_set_expiration_time (crt, now + 3650 * day);
  if (code >= 0)
    code = gnutls_x509_crt_set_basic_constraints (crt, 0, -1);
  if (code >= 0)
    code = gnutls_x509_crt_set_key_usage (crt, GNUTLS_KEY_DIGITAL_SIGNATURE);
  if (code >= 0)
    code = gnutls_x509_crt_set_key_purpose_oid (crt, GNUTLS_KP_TLS_WWW_SERVER, 0);
  if (code >= 0)
    code = gnutls_x509_crt_set_key (crt, key);
  return code < 0 ? code : gnutls_x509_crt_sign2 (crt, crt, key, GNUTLS_DIG_SHA256, 0);
}

/* The texts of a new key and its certificate, for gnutls_free.  */
static int
make (const char *name, gnutls_datum_t *key_text_r, gnutls_datum_t *crt_text_r)
{
  gnutls_x509_privkey_t key = NULL;
  gnutls_x509_crt_t crt = NULL;
  int code = gnutls_x509_privkey_init (&key);
  if (code >= 0)
    code = gnutls_x509_privkey_generate (key, GNUTLS_PK_ECDSA, GNUTLS_CURVE_TO_BITS (GNUTLS_ECC_CURVE_SECP256R1), 0);
  if (code >= 0)
    code = gnutls_x509_crt_init (&crt);
  if (code >= 0)
    code = fill_in (crt, key, name);
  if (code >= 0)
    code = gnutls_x509_privkey_export2_pkcs8 (key, GNUTLS_X509_FMT_PEM, NULL, GNUTLS_PKCS_PLAIN, key_text_r);
  if (code >= 0)
    code = gnutls_x509_crt_export2 (crt, GNUTLS_X509_FMT_PEM, crt_text_r);
  if (crt)
    gnutls_x509_crt_deinit (crt);
  if (key)
    gnutls_x509_privkey_deinit (key);
  return code;
}

static int
put (int fd, const gnutls_datum_t *text)
{
  for (unsigned done = 0; done < text->size;)
    {
      ssize_t n = write (fd, text->data + done, text->size - done);
      if (n < 0 && errno != EINTR)
        return -1;
      done += n > 0 ? (unsigned) n : 0;
    }
  return 0;
}

/* Never over a file that is there: that may be somebody's key.  */
static int
keep (const char *file, const gnutls_datum_t *key, const gnutls_datum_t *crt, struct msub_error *err)
{
  int fd = open (file, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (fd < 0)
    return msub_fail_errno (err, MSUB_CONFIG, errno, "The certificate of the relay cannot be kept in %s", file);
  int failed = put (fd, key) || put (fd, crt) || fsync (fd) ? errno : 0;
  if (close (fd) && !failed)
    failed = errno;
  if (!failed)
    return 0;
  unlink (file);
  return msub_fail_errno (err, MSUB_CONFIG, failed, "The certificate of the relay cannot be kept in %s", file);
}

int
msub_identity_make (const char *file, const char *name, struct msub_error *err)
{
  gnutls_datum_t key = { 0 }, crt = { 0 };
  int code = make (name, &key, &crt);
  int result = code < 0 ? msub_fail (err, MSUB_CONFIG, "No certificate can be made for the relay: %s",
                                     gnutls_strerror (code))
                        : keep (file, &key, &crt, err);
  msub_wipe (key.data, key.size);
  gnutls_free (key.data);
  gnutls_free (crt.data);
  return result;
}

/* A connection */

struct msub_served *
msub_served_new (int fd, struct msub_identity *identity)
{
  struct msub_served *served = calloc (1, sizeof *served);
  if (!served)
    return NULL;
  served->identity = msub_identity_share (identity);
  load (identity->certificate, identity->key, &served->renewed);
  int code = gnutls_init (&served->session, GNUTLS_SERVER | GNUTLS_NONBLOCK | GNUTLS_NO_SIGNAL | GNUTLS_NO_TICKETS);
  if (code >= 0)
    code = gnutls_priority_set_direct (served->session, priority, NULL);
  if (code >= 0)
    code = gnutls_credentials_set (served->session, GNUTLS_CRD_CERTIFICATE,
                                   served->renewed ? served->renewed : identity->loaded);
  if (code < 0)
    {
      msub_served_free (&served);
      return NULL;
    }
  gnutls_certificate_server_set_request (served->session, GNUTLS_CERT_IGNORE);
  gnutls_transport_set_int (served->session, fd);
  return served;
}

void
msub_served_free (struct msub_served **served)
{
  if (!*served)
    return;
  if ((*served)->session)
    gnutls_deinit ((*served)->session);
  if ((*served)->renewed)
    gnutls_certificate_free_credentials ((*served)->renewed);
  msub_identity_leave ((*served)->identity);
  free (*served);
  *served = NULL;
}

int
msub_served_shake (struct msub_served *served)
{
  int code;
  do
    code = gnutls_handshake (served->session);
  while (code == GNUTLS_E_INTERRUPTED);
  if (code == GNUTLS_E_SUCCESS)
    return 0;
  if (code == GNUTLS_E_AGAIN)
    return gnutls_record_get_direction (served->session) ? POLLOUT : POLLIN;
  gnutls_alert_send_appropriate (served->session, code);
  return -1;
}

/* What GnuTLS says, as recv() would.  Renegotiation is an error like any other (RFC 9325 section 3.5).  */
static ssize_t
as_errno (ssize_t code)
{
  if (code >= 0)
    return code;
  errno = code == GNUTLS_E_AGAIN || code == GNUTLS_E_INTERRUPTED ? EAGAIN : EPROTO;
  return -1;
}

ssize_t
msub_served_recv (struct msub_served *served, void *buf, size_t n)
{
  return as_errno (gnutls_record_recv (served->session, buf, n));
}

ssize_t
msub_served_send (struct msub_served *served, const void *buf, size_t n)
{
  return as_errno (gnutls_record_send (served->session, buf, n));
}

bool
msub_served_pending (struct msub_served *served)
{
  return gnutls_record_check_pending (served->session) > 0;
}

void
msub_served_bye (struct msub_served *served)
{
  gnutls_bye (served->session, GNUTLS_SHUT_WR);
}

int
msub_served_ticket (char ticket_r[MSUB_TICKET])
{
  unsigned char octets[(MSUB_TICKET - 1) / 2];
  if (gnutls_rnd (GNUTLS_RND_KEY, octets, sizeof octets) < 0)
    return -1;
  for (size_t i = 0; i < sizeof octets; i++)
    snprintf (ticket_r + 2 * i, 3, "%02x", octets[i]);
  return 0;
}
