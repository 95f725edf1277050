/* anchors.c --- whom TLS trusts, and who we are: files and tokens, read once, and shared.

   Floor 3.  SPDX-License-Identifier: GPL-3.0-or-later  */

#define _GNU_SOURCE
#include "anchors.h"

#include <errno.h>
#include <gnutls/gnutls.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

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
struct msub_tls_anchors
{
  atomic_int owners;
  gnutls_certificate_credentials_t credentials;
};

/* The system's trust, what its files were like before it was read, when that was, and whether somebody reads it anew.  */
struct msub_tls_shelf
{
  pthread_mutex_t lock;
  struct msub_tls_anchors *anchors;
  struct stamp stamp;
  msub_time read;
  bool renewing;
};

/* What is on the shelf has to be read anew after so long, whatever the files look like.  */
#define SHELF_MSECS 60000

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
  const char *pin = msub_text_find (url, "pin-value=");
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

void
msub_tls_anchors_leave (struct msub_tls_anchors *anchors)
{
  if (!anchors || atomic_fetch_sub (&anchors->owners, 1) > 1)
    return;
  gnutls_certificate_free_credentials (anchors->credentials);
  free (anchors);
}

struct msub_tls_anchors *
msub_tls_anchors_share (struct msub_tls_anchors *anchors)
{
  atomic_fetch_add (&anchors->owners, 1);
  return anchors;
}

gnutls_certificate_credentials_t
msub_tls_anchors_credentials (const struct msub_tls_anchors *anchors)
{
  return anchors->credentials;
}

/* The shelf.  Nothing is read while it is locked.  */

struct msub_tls_shelf *
msub_tls_shelf_new (void)
{
  struct msub_tls_shelf *shelf = calloc (1, sizeof *shelf);
  if (shelf && pthread_mutex_init (&shelf->lock, NULL))
    {
      free (shelf);
      return NULL;
    }
  return shelf;
}

static void
shelf_put (struct msub_tls_shelf *shelf, struct msub_tls_anchors *anchors, const struct stamp *stamp, msub_time read)
{
  pthread_mutex_lock (&shelf->lock);
  struct msub_tls_anchors *old = shelf->anchors;
  shelf->anchors = msub_tls_anchors_share (anchors);
  shelf->stamp = *stamp;
  shelf->read = read;
  shelf->renewing = false;
  pthread_mutex_unlock (&shelf->lock);
  msub_tls_anchors_leave (old);
}

/* Returns what is there, shared, where the files are as they were; else NULL: then it is to be read.  What is due to be read
   anew is so for one; it is good for the others meanwhile, or each of many threads would have a copy of its own.  Not for
   ever: that one may fail, or hang.  */
static struct msub_tls_anchors *
shelf_take (struct msub_tls_shelf *shelf, const struct stamp *stamp, msub_time now)
{
  struct msub_tls_anchors *shared = NULL;
  pthread_mutex_lock (&shelf->lock);
  if (shelf->anchors && stamp->any && memcmp (&shelf->stamp, stamp, sizeof *stamp) == 0)
    {
      if (now < shelf->read + MSUB_MSECS (shelf->renewing ? 2 * SHELF_MSECS : SHELF_MSECS))
        shared = msub_tls_anchors_share (shelf->anchors);
      else
        shelf->renewing = true;
    }
  pthread_mutex_unlock (&shelf->lock);
  return shared;
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
  _Atomic (const char *) what, file; /* what is being read */
  struct msub_tls_anchors *anchors;
  struct stamp stamp; /* the system's trust, before it is read: what changes meanwhile is noticed the next time */
  msub_time began;
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
    shelf_put (options->shelf, loading->anchors, &loading->stamp, loading->began);
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
      take_stamp (&loading->stamp);
      loading->began = msub_now_with_sleep ();
      struct msub_tls_anchors *shared = shelf_take (shelf, &loading->stamp, loading->began);
      if (shared)
        {
          msub_tls_anchors_leave (loading->anchors);
          loading->anchors = shared;
          return;
        }
    }
  errno = 0;
  if (load_all (loading, loading->anchors->credentials))
    {
      int errnum = errno;
      if (msub_errno_passes (errnum))
        {
          char shown[300];
          const char *file = without_pin (atomic_load (&loading->file), shown, sizeof shown);
          loading->err = (struct msub_error) { 0 };
          msub_fail_errno (&loading->err, MSUB_INTERNAL, errnum, "The %s%s%s cannot be read", atomic_load (&loading->what),
                           *file ? " " : "", file);
        }
      msub_tls_anchors_leave (loading->anchors);
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
  msub_tls_anchors_leave (loading->anchors);
#define TEXT(in, member, key) free (loading->options.member);
#define SECRET(in, member, key) msub_wipe_free (&loading->options.member);
#define PINS(in, member, key)
#define MSUB_TLS_KEYS
#include "request.def"
  free (loading);
}

/* False without memory: then there are fewer strings.  */
static bool
copy_options (struct msub_tls_options *dst, const struct msub_tls_options *options)
{
  bool whole = true;
  int said = 0;
  *dst = *options;
#define TEXT(in, member, key) \
  said += options->member != NULL; \
  whole = (!options->member || (dst->member = strdup (options->member))) && whole;
#define SECRET TEXT
#define PINS(in, member, key)
#define MSUB_TLS_KEYS
#include "request.def"
  /* What an account says is nobody else's; the priority string alone is not for what is read.  */
  if (said > (options->priority != NULL))
    dst->shelf = NULL;
  return whole;
}

static struct loading *
loading_new (const struct msub_tls_options *options)
{
  struct loading *loading = calloc (1, sizeof *loading);
  struct msub_tls_anchors *anchors = calloc (1, sizeof *anchors);
  if (!loading || !anchors || gnutls_certificate_allocate_credentials (&anchors->credentials) < 0)
    {
      free (loading);
      free (anchors);
      return NULL;
    }
  anchors->owners = 1;
  loading->errand = (struct msub_errand) { load, loading_late, loading_dispose };
  loading->anchors = anchors;
  if (!copy_options (&loading->options, options))
    {
      loading_dispose (&loading->errand);
      /* cppcheck-suppress memleak ; it is disposed of by its first member */
      return NULL;
    }
  return loading;
}

struct msub_tls_anchors *
msub_tls_anchors_load (const struct msub_context *context, const struct msub_tls_options *options, msub_time deadline,
                       struct msub_error *err)
{
  struct loading *loading = loading_new (options);
  if (!loading)
    {
      msub_fail (err, MSUB_INTERNAL, "Out of memory");
      return NULL;
    }
  if (msub_wait_errand (context, &loading->errand, deadline, err))
    return NULL;
  struct msub_tls_anchors *anchors = loading->anchors;
  loading->anchors = NULL;
  if (!anchors)
    *err = loading->err;
  loading_dispose (&loading->errand);
  return anchors;
}
