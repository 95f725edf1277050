/* tls.c --- TLS on a connection, by GnuTLS; never less than asked for.

   Floor 2.  The one file that includes GnuTLS.
   SPDX-License-Identifier: GPL-3.0-or-later  */

#define _GNU_SOURCE
#include "tls.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <gnutls/gnutls.h>
#include <gnutls/ocsp.h>
#include <gnutls/x509.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* GnuTLS' NORMAL still has TLS 1.0 and 1.1, RSA 1024 and DH 1024 in it.  */
static const char default_priority[] = "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2:%PROFILE_MEDIUM";
static const char weak_priority[] = "NORMAL:+VERS-TLS1.1:+VERS-TLS1.0:+SIGN-RSA-SHA1:%VERIFY_ALLOW_SIGN_WITH_SHA1:%PROFILE_VERY_WEAK";
static const char never[] = ":-VERS-SSL3.0:-VERS-TLS1.0:-VERS-TLS1.1";

/* Where systems have their trust in one file.  GnuTLS does not tell which it reads; where it has another one (p11-kit), that
   is made from the same sources at the same time.  */
static const char *const bundles[] = {
  "/etc/ssl/certs/ca-certificates.crt", "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem", "/etc/pki/tls/certs/ca-bundle.crt",
  "/etc/ssl/ca-bundle.pem", "/etc/ssl/cert.pem", "/usr/local/share/certs/ca-root-nss.crt",
};
#define BUNDLES (sizeof bundles / sizeof *bundles)

/* What they were like.  */
struct stamp
{
  bool any;
  struct
  {
    dev_t device;
    ino_t inode;
    off_t size;
    time_t modified, changed;
  } files[BUNDLES];
};

/* Whom to trust, and perhaps who we are.  Nothing changes it once it has been read, so several connections and threads may
   share it.  */
struct anchors
{
  atomic_int owners;
  gnutls_certificate_credentials_t credentials;
  struct stamp stamp; /* the system's trust: when it was read */
  msub_time read;
};

struct msub_tls_shelf
{
  _Atomic (struct anchors *) anchors;
};

/* What is on the shelf has to be read anew after so long, whatever the files look like.  */
#define SHELF_MSECS 60000

struct msub_tls_trust
{
  struct anchors *anchors;
  bool token; /* our key is in a PKCS#11 token, or behind another URL */
  gnutls_priority_t priority;
  struct msub_pin pins[MSUB_PINS_MAX];
  size_t pin_count;
  struct msub_tls_memory *memory;
};

/* A session's data and whom it was with.  */
struct ticket
{
  char peer[300];
  gnutls_datum_t data;
};

/* Jobs of one account share it without waiting for each other: whoever takes the ticket has it.  */
struct msub_tls_memory
{
  _Atomic (struct ticket *) ticket;
};

/* A connection's TLS.  */
struct tls
{
  gnutls_session_t session;
  struct msub_tls_memory *memory; /* where a ticket may go, or NULL */
  char peer[300];
};

static void
ticket_free (struct ticket *ticket)
{
  if (!ticket)
    return;
  msub_wipe (ticket->data.data, ticket->data.size);
  gnutls_free (ticket->data.data);
  free (ticket);
}

struct msub_tls_memory *
msub_tls_memory_new (void)
{
  return calloc (1, sizeof (struct msub_tls_memory));
}

void
msub_tls_memory_free (struct msub_tls_memory **memory)
{
  if (!*memory)
    return;
  ticket_free (atomic_exchange (&(*memory)->ticket, NULL));
  free (*memory);
  *memory = NULL;
}

/* Offer the ticket of an earlier session with the same peer, if there is one.  */
static void
use_ticket (struct tls *tls)
{
  if (!tls->memory)
    return;
  struct ticket *ticket = atomic_exchange (&tls->memory->ticket, NULL);
  if (ticket && strcmp (ticket->peer, tls->peer) == 0)
    gnutls_session_set_data (tls->session, ticket->data.data, ticket->data.size);
  ticket_free (ticket);
}

/* Keep what may resume this session.  In TLS 1.3 there is something only once the server has sent it.  */
static void
keep_ticket (struct tls *tls)
{
  if (!tls->memory || !(gnutls_session_get_flags (tls->session) & GNUTLS_SFLAGS_SESSION_TICKET))
    return;
  struct ticket *ticket = calloc (1, sizeof *ticket);
  if (!ticket)
    return;
  snprintf (ticket->peer, sizeof ticket->peer, "%s", tls->peer);
  if (gnutls_session_get_data2 (tls->session, &ticket->data) >= 0)
    ticket = atomic_exchange (&tls->memory->ticket, ticket);
  ticket_free (ticket);
}

/* Fail with MSUB_CONFIG unless COUNT objects, at least one, were read from FILE.  */
static int
expect_some (int count, const char *what, const char *file, struct msub_error *err)
{
  if (count > 0)
    return 0;
  return msub_fail (err, MSUB_CONFIG, "The %s %s cannot be used: %s", what, file,
                    count < 0 ? gnutls_strerror (count) : "it holds none");
}

static bool
directory (const char *file)
{
  struct stat status;
  return stat (file, &status) == 0 && S_ISDIR (status.st_mode);
}

/* Returns how many there are where they are the system's, else 0; or -1.  */
static int
load_anchors (gnutls_certificate_credentials_t credentials, const char *file, bool look, struct msub_error *err)
{
  if (file && directory (file))
    return expect_some (gnutls_certificate_set_x509_trust_dir (credentials, file, GNUTLS_X509_FMT_PEM), "CA directory",
                        file, err);
  if (file)
    return expect_some (gnutls_certificate_set_x509_trust_file (credentials, file, GNUTLS_X509_FMT_PEM), "CA file",
                        file, err);
  int count = gnutls_certificate_set_x509_system_trust (credentials);
  if (count > 0 || look)
    return count > 0 ? count : 0;
  return msub_fail (err, MSUB_INSECURE,
                    "This system has no trusted certificate authorities, so no server can be verified; install its CA "
                    "certificates (package ca-certificates), or name a CA file");
}

/* A PKCS #11 URL (RFC 7512) may have the PIN in it, which is a secret: copy URL to DST without.  */
static const char *
without_pin (const char *url, char *dst, size_t size)
{
  const char *pin = strcasestr (url, "pin-value=");
  int before = pin ? (int) (pin - url) + (int) strlen ("pin-value=") : (int) strlen (url);
  snprintf (dst, size, "%.*s%s%s", before, url, pin ? "****" : "", pin ? pin + strcspn (pin, "&;") : "");
  return dst;
}

static int
load_own_certificate (gnutls_certificate_credentials_t credentials, const struct msub_tls_options *options,
                      struct msub_error *err)
{
  const char *key = options->key_file ? options->key_file : options->cert_file;
  int code = gnutls_certificate_set_x509_key_file2 (credentials, options->cert_file, key, GNUTLS_X509_FMT_PEM, NULL, 0);
  char cert_shown[300], key_shown[300];
  return code >= 0 ? 0
                   : msub_fail (err, MSUB_CONFIG, "The client certificate %s (key %s) cannot be used: %s",
                                without_pin (options->cert_file, cert_shown, sizeof cert_shown),
                                without_pin (key, key_shown, sizeof key_shown), gnutls_strerror (code));
}

static int
load_priority (struct msub_tls_trust *trust, const struct msub_tls_options *options, struct msub_error *err)
{
  char string[1024];
  const char *priority = options->weak ? weak_priority : options->priority ? options->priority : default_priority;
  int n = snprintf (string, sizeof string, "%s%s", priority, priority == options->priority ? never : "");
  int code = n > 0 && (size_t) n < sizeof string ? gnutls_priority_init (&trust->priority, string, NULL)
                                                 : GNUTLS_E_INVALID_REQUEST;
  return code >= 0 ? 0
                   : msub_fail (err, MSUB_CONFIG, "The TLS priority string cannot be used: %s: %s", priority,
                                gnutls_strerror (code));
}

static void
anchors_leave (struct anchors *anchors)
{
  if (!anchors || atomic_fetch_sub (&anchors->owners, 1) > 1)
    return;
  gnutls_certificate_free_credentials (anchors->credentials);
  free (anchors);
}

/* The shelf: whoever looks at what is there has it for that moment, and another one reads for himself */

struct msub_tls_shelf *
msub_tls_shelf_new (void)
{
  return calloc (1, sizeof (struct msub_tls_shelf));
}

static void
shelf_put (struct msub_tls_shelf *shelf, struct anchors *anchors)
{
  atomic_fetch_add (&anchors->owners, 1);
  anchors_leave (atomic_exchange (&shelf->anchors, anchors));
}

static struct anchors *
shelf_take (struct msub_tls_shelf *shelf, const struct stamp *stamp)
{
  struct anchors *anchors = atomic_exchange (&shelf->anchors, NULL);
  if (anchors && stamp->any && memcmp (&anchors->stamp, stamp, sizeof *stamp) == 0
      && msub_now_with_sleep () < anchors->read + MSUB_MSECS (SHELF_MSECS))
    {
      shelf_put (shelf, anchors);
      return anchors;
    }
  anchors_leave (anchors);
  return NULL;
}

static void
take_stamp (struct stamp *stamp)
{
  memset (stamp, 0, sizeof *stamp); /* they are compared octet by octet */
  for (size_t i = 0; i < BUNDLES; i++)
    {
      struct stat status;
      if (stat (bundles[i], &status))
        continue;
      stamp->any = true;
      stamp->files[i].device = status.st_dev;
      stamp->files[i].inode = status.st_ino;
      stamp->files[i].size = status.st_size;
      stamp->files[i].modified = status.st_mtime;
      stamp->files[i].changed = status.st_ctime;
    }
}

/* Files and tokens are read as an errand.  */
struct loading
{
  struct msub_errand errand;
  struct msub_tls_options options; /* with strings of its own */
  char *strings[4];
  _Atomic (const char *) what, file; /* what is being read */
  struct anchors *anchors;
  struct msub_error err;
};

static void
loading_at (struct loading *loading, const char *what, const char *file)
{
  atomic_store (&loading->file, file ? file : "");
  atomic_store (&loading->what, what);
}

static int
load_all (struct loading *loading, gnutls_certificate_credentials_t credentials)
{
  const struct msub_tls_options *options = &loading->options;
  struct msub_error *err = &loading->err;
  loading_at (loading, options->ca_file ? "CA file" : "system's CA certificates", options->ca_file);
  int count = load_anchors (credentials, options->ca_file, options->look, err);
  if (count < 0)
    return -1;
  if (options->shelf && count > 0)
    shelf_put (options->shelf, loading->anchors);
  loading_at (loading, "CRL file", options->crl_file);
  if (options->crl_file
      && expect_some (gnutls_certificate_set_x509_crl_file (credentials, options->crl_file, GNUTLS_X509_FMT_PEM), "CRL file",
                      options->crl_file, err))
    return -1;
  loading_at (loading, "client certificate, or its key,", options->cert_file);
  return options->cert_file ? load_own_certificate (credentials, options, err) : 0;
}

static void
load (struct msub_errand *errand)
{
  struct loading *loading = (struct loading *) errand;
  struct msub_tls_shelf *shelf = loading->options.shelf;
  if (shelf)
    {
      struct anchors *own = loading->anchors;
      take_stamp (&own->stamp); /* before it is read: what changes meanwhile is noticed the next time */
      own->read = msub_now_with_sleep ();
      struct anchors *shared = shelf_take (shelf, &own->stamp);
      if (shared)
        {
          loading->anchors = shared;
          anchors_leave (own);
          return;
        }
    }
  if (load_all (loading, loading->anchors->credentials))
    {
      anchors_leave (loading->anchors);
      loading->anchors = NULL;
    }
}

static void
loading_late (struct msub_errand *errand, struct msub_error *err)
{
  struct loading *loading = (struct loading *) errand;
  char shown[300];
  msub_fail (err, MSUB_TIMEOUT, "The %s %s could not be read in time: is the disk, or the token, away? Nothing was sent",
             atomic_load (&loading->what), without_pin (atomic_load (&loading->file), shown, sizeof shown));
}

static void
loading_dispose (struct msub_errand *errand)
{
  struct loading *loading = (struct loading *) errand;
  anchors_leave (loading->anchors);
  for (size_t i = 0; i < sizeof loading->strings / sizeof *loading->strings; i++)
    msub_wipe_free (&loading->strings[i]); /* a URL may have a PIN in it */
  free (loading);
}

static struct loading *
loading_new (const struct msub_tls_options *options)
{
  struct loading *loading = calloc (1, sizeof *loading);
  struct anchors *anchors = calloc (1, sizeof *anchors);
  if (!loading || !anchors || gnutls_certificate_allocate_credentials (&anchors->credentials) < 0)
    {
      free (loading);
      free (anchors);
      return NULL;
    }
  anchors->owners = 1;
  loading->errand = (struct msub_errand) { load, loading_late, loading_dispose };
  loading->anchors = anchors;
  loading->options = (struct msub_tls_options) { .look = options->look };
  if (!options->ca_file && !options->crl_file && !options->cert_file)
    loading->options.shelf = options->shelf;
  const char *const given[] = { options->ca_file, options->crl_file, options->cert_file, options->key_file };
  const char **const own[] = { &loading->options.ca_file, &loading->options.crl_file, &loading->options.cert_file,
                               &loading->options.key_file };
  for (size_t i = 0; i < sizeof given / sizeof *given; i++)
    {
      *own[i] = loading->strings[i] = given[i] ? strdup (given[i]) : NULL;
      if (given[i] && !*own[i])
        {
          loading_dispose (&loading->errand);
          return NULL;
        }
    }
  return loading;
}

static struct anchors *
load_apart (const struct msub_context *context, const struct msub_tls_options *options, msub_time deadline,
            struct msub_error *err)
{
  struct loading *loading = loading_new (options);
  if (!loading)
    {
      msub_fail (err, MSUB_INTERNAL, "Out of memory");
      return NULL;
    }
  if (msub_net_errand (context, &loading->errand, deadline, err))
    return NULL;
  struct anchors *anchors = loading->anchors;
  loading->anchors = NULL;
  if (!anchors)
    *err = loading->err;
  loading_dispose (&loading->errand);
  return anchors;
}

struct msub_tls_trust *
msub_tls_trust_new (const struct msub_context *context, const struct msub_tls_options *options, msub_time deadline,
                    struct msub_error *err)
{
  struct msub_tls_trust *trust = calloc (1, sizeof *trust);
  if (!trust)
    {
      msub_fail (err, MSUB_INTERNAL, "Out of memory");
      return NULL;
    }
  for (size_t i = 0; i < options->pin_count && i < MSUB_PINS_MAX; i++)
    trust->pins[trust->pin_count++] = options->pins[i];
  trust->memory = options->memory;
  const char *key = options->key_file ? options->key_file : options->cert_file;
  trust->token = key && gnutls_url_is_supported (key);
  if (load_priority (trust, options, err) == 0)
    trust->anchors = load_apart (context, options, deadline, err);
  if (!trust->anchors)
    msub_tls_trust_free (&trust);
  return trust;
}

void
msub_tls_trust_free (struct msub_tls_trust **trust)
{
  if (!*trust)
    return;
  anchors_leave ((*trust)->anchors);
  if ((*trust)->priority)
    gnutls_priority_deinit ((*trust)->priority);
  free (*trust);
  *trust = NULL;
}

const char *
msub_tls_version (void)
{
  return gnutls_check_version (NULL);
}

/* The transport */

static ssize_t
pull (gnutls_transport_ptr_t c, void *buf, size_t n)
{
  return msub_connection_raw_recv (c, buf, n);
}

static ssize_t
push (gnutls_transport_ptr_t c, const void *buf, size_t n)
{
  return msub_connection_raw_send (c, buf, n);
}

static void
set_transport (gnutls_session_t session, struct msub_connection *c)
{
  gnutls_transport_set_ptr (session, c);
  gnutls_transport_set_pull_function (session, pull);
  gnutls_transport_set_push_function (session, push);
}

static ssize_t
want (gnutls_session_t session)
{
  return gnutls_record_get_direction (session) ? MSUB_IO_WRITE : MSUB_IO_READ;
}

static ssize_t
record_failed (gnutls_session_t session, ssize_t code, struct msub_error *err)
{
  if (code == GNUTLS_E_AGAIN || code == GNUTLS_E_INTERRUPTED)
    return want (session);
  if (code == GNUTLS_E_PREMATURE_TERMINATION || code == GNUTLS_E_PULL_ERROR || code == GNUTLS_E_PUSH_ERROR)
    msub_fail (err, MSUB_LOST, "The connection broke inside TLS, without a close_notify");
  else if (code == GNUTLS_E_REHANDSHAKE)
    msub_fail (err, MSUB_TLS, "The server asked for TLS renegotiation, which is refused (RFC 9325 section 3.5)");
  else
    msub_fail (err, MSUB_TLS, "TLS failed: %s", gnutls_strerror ((int) code));
  return MSUB_IO_FAILED;
}

static gnutls_session_t
session_of (const struct msub_connection *c)
{
  return ((struct tls *) c->state)->session;
}

/* GnuTLS frees the buffer of a decrypted record as it is, and a server may have repeated a password in it (SECURITY: O3).  The
   allocator hands the same chunk out again: best effort, and it costs a microsecond.  */
static void
wipe_record (void)
{
  const size_t largest_record = 16384;
  void *chunk = malloc (largest_record);
  msub_wipe (chunk, chunk ? largest_record : 0);
  free (chunk);
}

static ssize_t
tls_recv (struct msub_connection *c, void *buf, size_t n, struct msub_error *err)
{
  gnutls_session_t session = session_of (c);
  ssize_t got = gnutls_record_recv (session, buf, n);
  wipe_record ();
  return got >= 0 ? got : record_failed (session, got, err);
}

static ssize_t
tls_send (struct msub_connection *c, const void *buf, size_t n, struct msub_error *err)
{
  gnutls_session_t session = session_of (c);
  ssize_t put = gnutls_record_send (session, buf, n);
  return put >= 0 ? put : record_failed (session, put, err);
}

static bool
tls_pending (struct msub_connection *c)
{
  return gnutls_record_check_pending (session_of (c)) > 0;
}

static void
tls_bye (struct msub_connection *c)
{
  gnutls_bye (session_of (c), GNUTLS_SHUT_WR);
}

static void
tls_free (void *state)
{
  struct tls *tls = state;
  if (!tls)
    return;
  keep_ticket (tls);
  if (tls->session)
    gnutls_deinit (tls->session);
  free (tls);
}

static const struct msub_transport transport = { tls_recv, tls_send, tls_pending, tls_bye, tls_free };

/* The certificate */

/* Is NAME an address?  A scope ("fe80::1%eth0") says where the address is to be found from here, and is no part of it.  */
static bool
numeric (const char *name, unsigned char *octets, unsigned *length_r)
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

/* An honest chain is shorter, and a report has to end.  */
#define CHAIN_MAX 10

static void
describe_chain (const gnutls_datum_t *chain, unsigned count, struct msub_tls_info *info)
{
  size_t length = 0;
  for (unsigned i = 0; i < count && i < CHAIN_MAX; i++)
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
_Static_assert (CHAIN_MAX * (sizeof (struct particulars) + 4) < sizeof ((struct msub_tls_info *) 0)->chain,
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
  if (numeric (name, octets, &length))
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
  msub_text_format (dst, size, "it was issued for %s, not for %s", n ? shown : "no host name or address", name);
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
is_pinned (const struct msub_tls_trust *trust, uint16_t port, const char *fingerprint)
{
  for (size_t i = 0; i < trust->pin_count; i++)
    if (trust->pins[i].port == port && *fingerprint && strcasecmp (trust->pins[i].fingerprint, fingerprint) == 0)
      return true;
  return false;
}

/* Fill INFO from the certificate of C's peer, with which SESSION is; INFO->verified says whether it is good for NAME, or is
   pinned.  */
static int
inspect_certificate (const struct msub_connection *c, gnutls_session_t session, const char *name,
                     const struct msub_tls_trust *trust, struct msub_tls_info *info, struct msub_error *err)
{
  unsigned count = 0;
  const gnutls_datum_t *chain = gnutls_certificate_get_peers (session, &count);
  gnutls_x509_crt_t leaf = NULL;
  int result = -1;
  if (!chain || count == 0)
    {
      snprintf (info->unverified, sizeof info->unverified, "the server sent no certificate");
      add_problem (info, "none");
      return 0;
    }
  if (gnutls_x509_crt_init (&leaf) < 0 || gnutls_x509_crt_import (leaf, chain, GNUTLS_X509_FMT_DER) < 0)
    {
      msub_fail (err, MSUB_INSECURE, "The server's certificate cannot be read");
      goto out;
    }
  describe_leaf (leaf, info);
  describe_chain (chain, count, info);
  gnutls_typed_vdata_st purpose = { .type = GNUTLS_DT_KEY_PURPOSE_OID, .data = (unsigned char *) GNUTLS_KP_TLS_WWW_SERVER };
  unsigned status = 0;
  int failed = gnutls_certificate_verify_peers (session, &purpose, 1, &status);
  info->resumed = gnutls_session_is_resumed (session) != 0;
  /* A resumed handshake brings no staple; the one it goes back to was checked for it.  */
  if (info->resumed)
    status &= ~(unsigned) (GNUTLS_CERT_MISSING_OCSP_STATUS | GNUTLS_CERT_INVALID_OCSP_STATUS);
  char difference[600];
  bool differs = name_differs (leaf, name, info, difference, sizeof difference);
  info->ocsp = read_staple (session, leaf);
  bool objects = strcmp (info->ocsp, "revoked") == 0 || strcmp (info->ocsp, "unknown") == 0;
  if (failed < 0)
    add_problem (info, "unchecked");
  else
    list_problems (status, leaf, info);
  if (differs)
    add_problem (info, "name");
  if (objects && strcmp (info->ocsp, "revoked") != 0)
    add_problem (info, "staple");
  else if (objects && !(failed >= 0 && (status & GNUTLS_CERT_REVOKED)))
    add_problem (info, "revoked");
  if (failed < 0)
    snprintf (info->unverified, sizeof info->unverified, "it could not be checked: %s", gnutls_strerror (failed));
  else if (status != 0)
    describe_status (status, leaf, info);
  else if (objects)
    snprintf (info->unverified, sizeof info->unverified, "the stapled OCSP response does not call it good");
  else
    info->verified = !differs;
  if (differs)
    add_reason (info, difference);
  /* A pin stands in for an issuer, a date or a name; what its issuer has called back stays bad.  */
  bool revoked = failed >= 0 && (status & GNUTLS_CERT_REVOKED);
  info->pinned = !info->verified && !revoked && is_pinned (trust, c->port, info->fingerprint);
  info->verified = info->verified || info->pinned;
  result = 0;
out:
  if (leaf)
    gnutls_x509_crt_deinit (leaf);
  return result;
}

/* The handshake */

/* Why the handshake ended with CODE, in a word.  */
static const char *
failure_of (gnutls_session_t session, int code)
{
  switch (code)
    {
    case GNUTLS_E_FATAL_ALERT_RECEIVED:
      switch (gnutls_alert_get (session))
        {
        case GNUTLS_A_PROTOCOL_VERSION:
          return "version";
        case GNUTLS_A_INSUFFICIENT_SECURITY:
          return "weak";
        default:
          return "alert";
        }
    case GNUTLS_E_UNSUPPORTED_VERSION_PACKET:
      return "version";
    case GNUTLS_E_DH_PRIME_UNACCEPTABLE:
    case GNUTLS_E_INSUFFICIENT_SECURITY:
    case GNUTLS_E_UNKNOWN_CIPHER_SUITE:
    case GNUTLS_E_NO_CIPHER_SUITES:
      return "weak";
    case GNUTLS_E_PREMATURE_TERMINATION:
    case GNUTLS_E_PULL_ERROR:
    case GNUTLS_E_PUSH_ERROR:
      return "closed";
    case GNUTLS_E_UNEXPECTED_PACKET_LENGTH:
    case GNUTLS_E_UNEXPECTED_PACKET:
    case GNUTLS_E_RECORD_OVERFLOW:
      return "plaintext";
    default:
      return "other";
    }
}

static int
handshake_failed (gnutls_session_t session, int code, const char *peer, const char **failure_r, struct msub_error *err)
{
  const char *failure = *failure_r = failure_of (session, code);
  /* Of these kinds of failure some say that the server has nothing that is strong enough.  */
  bool weak = strcmp (failure, "weak") == 0 || strcmp (failure, "version") == 0
              || code == GNUTLS_E_CERTIFICATE_KEY_MISMATCH;
  if (code == GNUTLS_E_FATAL_ALERT_RECEIVED)
    {
      gnutls_alert_description_t alert = gnutls_alert_get (session);
      const char *words = gnutls_alert_get_name (alert);
      return msub_fail (err, weak || alert == GNUTLS_A_HANDSHAKE_FAILURE ? MSUB_INSECURE : MSUB_TLS,
                        "%s broke off the TLS handshake: %s. Nothing was sent; there is no going on without TLS", peer,
                        words ? words : "unknown alert");
    }
  if (strcmp (failure, "closed") == 0)
    return msub_fail (err, MSUB_TLS, "%s closed the connection during the TLS handshake", peer);
  if (strcmp (failure, "plaintext") == 0)
    return msub_fail (err, MSUB_INSECURE, "%s answers the TLS handshake with something that is not TLS", peer);
  return msub_fail (err, weak ? MSUB_INSECURE : MSUB_TLS, "The TLS handshake with %s failed: %s", peer,
                    gnutls_strerror (code));
}

/* A token that has to sign may want to be touched first, so that a handshake with one is an errand.  It has its own descriptor
   of the connection, because ours may be closed while it goes on.  */
struct handshake
{
  struct msub_errand errand;
  gnutls_session_t session; /* NULL: not its own any more */
  struct anchors *anchors;
  int fd, code;
  uint64_t received;
};

static ssize_t
pull_apart (gnutls_transport_ptr_t handshake, void *buf, size_t n)
{
  struct handshake *h = handshake;
  ssize_t got = recv (h->fd, buf, n, 0);
  h->received += got > 0 ? (uint64_t) got : 0;
  return got;
}

static ssize_t
push_apart (gnutls_transport_ptr_t handshake, const void *buf, size_t n)
{
  return send (((struct handshake *) handshake)->fd, buf, n, MSG_NOSIGNAL);
}

static void
shake (struct msub_errand *errand)
{
  struct handshake *h = (struct handshake *) errand;
  h->code = gnutls_handshake (h->session);
}

static void
handshake_late (struct msub_errand *errand, struct msub_error *err)
{
  (void) errand;
  msub_fail (err, MSUB_TIMEOUT, "The token with the key of the client certificate did not sign in time: does it wait to be "
                                "touched, or for its PIN? Nothing was sent");
}

static void
handshake_dispose (struct msub_errand *errand)
{
  struct handshake *h = (struct handshake *) errand;
  if (h->session)
    gnutls_deinit (h->session);
  close (h->fd);
  anchors_leave (h->anchors);
  free (h);
}

/* As gnutls_handshake on TLS, or 1 with ERR: then the session has gone.  */
static int
shake_apart (struct msub_connection *c, struct tls *tls, const struct msub_tls_trust *trust, msub_time deadline,
             struct msub_error *err)
{
  struct handshake *h = calloc (1, sizeof *h);
  int fd = h ? fcntl (c->fd, F_DUPFD_CLOEXEC, 3) : -1;
  if (fd < 0)
    {
      free (h);
      return GNUTLS_E_MEMORY_ERROR;
    }
  atomic_fetch_add (&trust->anchors->owners, 1);
  *h = (struct handshake) {
    .errand = { shake, handshake_late, handshake_dispose }, .session = tls->session, .anchors = trust->anchors, .fd = fd,
  };
  gnutls_transport_set_ptr (h->session, h);
  gnutls_transport_set_pull_function (h->session, pull_apart);
  gnutls_transport_set_push_function (h->session, push_apart);
  tls->session = NULL;
  if (msub_net_errand (c->context, &h->errand, deadline, err))
    return 1;
  tls->session = h->session;
  h->session = NULL;
  c->received += h->received;
  set_transport (tls->session, c);
  int code = h->code;
  handshake_dispose (&h->errand);
  return code;
}

static int
shake_hands (struct msub_connection *c, struct tls *tls, const struct msub_tls_trust *trust, msub_time deadline,
             const char **failure_r, struct msub_error *err)
{
  for (;;)
    {
      int code = trust->token ? shake_apart (c, tls, trust, deadline, err) : gnutls_handshake (tls->session);
      if (code == GNUTLS_E_SUCCESS)
        return 0;
      if (code > 0)
        {
          *failure_r = err->kind == MSUB_TIMEOUT ? "timeout" : "other";
          return -1;
        }
      gnutls_session_t session = tls->session;
      if (code == GNUTLS_E_WARNING_ALERT_RECEIVED || code == GNUTLS_E_GOT_APPLICATION_DATA)
        code = GNUTLS_E_UNEXPECTED_PACKET;
      if (gnutls_error_is_fatal (code))
        return handshake_failed (session, code, c->peer.text, failure_r, err);
      /* The deadline holds while data keeps coming, too (SECURITY: C10).  */
      struct pollfd fds[2] = { { 0 }, { .fd = c->fd, .events = want (session) == MSUB_IO_WRITE ? POLLOUT : POLLIN } };
      int ready = msub_now () < deadline ? msub_net_poll (c->context, fds, 2, deadline, err) : 0;
      if (ready < 0)
        return -1;
      if (ready == 0)
        {
          *failure_r = "timeout";
          return msub_connection_late (c, "finish the TLS handshake", err);
        }
    }
}

static int
set_up (gnutls_session_t session, struct msub_connection *c, const struct msub_tls_trust *trust, const char *name)
{
  unsigned char octets[16];
  unsigned length;
  int failed = gnutls_priority_set (session, trust->priority);
  if (failed >= 0 && !numeric (name, octets, &length))
    failed = gnutls_server_name_set (session, GNUTLS_NAME_DNS, name, strlen (name));
  if (failed >= 0)
    failed = gnutls_credentials_set (session, GNUTLS_CRD_CERTIFICATE, trust->anchors->credentials);
  set_transport (session, c);
  return failed;
}

static void
describe_session (gnutls_session_t session, struct msub_tls_info *info)
{
  const char *version = gnutls_protocol_get_name (gnutls_protocol_get_version (session));
  snprintf (info->version, sizeof info->version, "%s", version ? version : "");
  char *suite = gnutls_session_get_desc (session);
  if (suite)
    msub_text_clean (info->cipher, sizeof info->cipher, suite, strlen (suite));
  gnutls_free (suite);
}

/* The handshake and the judgement of TLS, a new session for C.  */
static int
secure (struct msub_connection *c, struct tls *tls, const struct msub_tls_trust *trust, const char *name,
        bool must_verify, msub_time deadline, struct msub_tls_info *info, struct msub_error *err)
{
  int failed = set_up (tls->session, c, trust, name);
  if (failed < 0)
    return msub_fail (err, MSUB_INTERNAL, "TLS cannot be set up: %s", gnutls_strerror (failed));
  use_ticket (tls);
  if (shake_hands (c, tls, trust, deadline, &info->failure, err)
      || inspect_certificate (c, tls->session, name, trust, info, err))
    return -1;
  describe_session (tls->session, info);
  if (!info->verified)
    tls->memory = NULL; /* what is not verified is not resumed */
  if (!info->verified && must_verify)
    {
      gnutls_alert_send (tls->session, GNUTLS_AL_FATAL, GNUTLS_A_BAD_CERTIFICATE);
      return msub_fail (err, MSUB_INSECURE,
                        "The certificate of %s is not accepted: %s. Nothing secret was sent",
                        msub_connection_called (c, name).text, info->unverified);
    }
  return 0;
}

int
msub_tls_start (struct msub_connection *c, const struct msub_tls_trust *trust, const char *name, bool must_verify,
                msub_time deadline, struct msub_tls_info *info_r, struct msub_error *err)
{
  memset (info_r, 0, sizeof *info_r);
  if (c->in_end > c->in_start)
    return msub_fail (err, MSUB_INSECURE,
                      "%s sent something in the clear just before the TLS handshake: somebody may be tampering with "
                      "the connection. Nothing was sent",
                      c->peer.text);
  /* RFC 6066 section 3: no trailing dot.  */
  char host[256];
  int length = snprintf (host, sizeof host, "%s", name);
  if (length > 1 && (size_t) length < sizeof host && host[length - 1] == '.')
    host[length - 1] = '\0';
  struct tls *tls = calloc (1, sizeof *tls);
  if (!tls || gnutls_init (&tls->session, GNUTLS_CLIENT | GNUTLS_NONBLOCK) < 0)
    {
      free (tls);
      return msub_fail (err, MSUB_INTERNAL, "Out of memory");
    }
  tls->memory = trust->memory;
  snprintf (tls->peer, sizeof tls->peer, "%s:%d", host, c->port);
  int failed = secure (c, tls, trust, host, must_verify, deadline, info_r, err);
  if (!failed)
    msub_connection_transport (c, &transport, tls);
  else
    {
      tls->memory = NULL; /* what failed is not resumed */
      tls_free (tls);
    }
  return failed;
}

void
msub_tls_report (const struct msub_context *context, const struct msub_tls_info *info)
{
  struct msub_event *event = msub_event_new (MSUB_EVENT_TLS);
  msub_event_text (event, "version", info->version);
  msub_event_text (event, "cipher", info->cipher);
  msub_event_truth (event, "verified", info->verified);
  msub_event_truth (event, "pinned", info->pinned);
  msub_event_truth (event, "resumed", info->resumed);
  if (!info->verified)
    msub_event_text (event, "unverified", info->unverified);
  msub_event_text (event, "subject", info->subject);
  msub_event_text (event, "issuer", info->issuer);
  msub_event_text (event, "starts", info->not_before);
  msub_event_text (event, "expires", info->not_after);
  msub_event_list (event, "names", info->names);
  msub_event_text (event, "fingerprint", info->fingerprint);
  msub_event_list (event, "chain", info->chain);
  msub_event_list (event, "problems", info->problems);
  msub_event_text (event, "ocsp", info->ocsp);
  msub_emit (context, event);
}

char *
msub_tls_certificates (const struct msub_connection *c)
{
  if (c->transport != &transport)
    return NULL;
  unsigned count = 0;
  const gnutls_datum_t *chain = gnutls_certificate_get_peers (session_of (c), &count);
  char *list = NULL;
  size_t length = 0;
  for (unsigned i = 0; chain && i < count && i < CHAIN_MAX; i++)
    {
      gnutls_datum_t text = { 0 };
      if (gnutls_base64_encode2 (&chain[i], &text) < 0)
        break;
      char *longer = realloc (list, length + text.size + 2);
      if (longer)
        {
          list = longer;
          memcpy (list + length, text.data, text.size);
          length += text.size;
          memcpy (list + length++, "\n", 2);
        }
      gnutls_free (text.data);
      if (!longer)
        break;
    }
  return list;
}

size_t
msub_tls_binding (const struct msub_connection *c, unsigned char *buf, size_t size, bool *exporter_r)
{
  if (c->transport != &transport)
    return 0;
  gnutls_session_t session = session_of (c);
  bool tls13 = gnutls_protocol_get_version (session) >= GNUTLS_TLS1_3;
  if (!tls13 && !gnutls_session_ext_master_secret_status (session))
    return 0;
  gnutls_datum_t binding = { 0 };
  int failed = gnutls_session_channel_binding (session, tls13 ? GNUTLS_CB_TLS_EXPORTER : GNUTLS_CB_TLS_UNIQUE, &binding);
  size_t length = failed >= 0 && binding.size <= size ? binding.size : 0;
  if (length)
    memcpy (buf, binding.data, length);
  gnutls_free (binding.data);
  *exporter_r = tls13;
  return length;
}
