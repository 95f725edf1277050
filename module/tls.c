/* tls.c --- TLS on a connection, by GnuTLS; never less than asked for.

   Floor 4.  Beside anchors.c, certificate.c and served.c the one file that includes GnuTLS.
   SPDX-License-Identifier: GPL-3.0-or-later  */

#define _GNU_SOURCE
#include "tls.h"

#include <fcntl.h>
#include <gnutls/gnutls.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* GnuTLS' NORMAL still has TLS 1.0 and 1.1, RSA 1024 and DH 1024 in it.  */
static const char default_priority[] = "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2:%PROFILE_MEDIUM";
static const char weak_priority[] = "NORMAL:+VERS-TLS1.1:+VERS-TLS1.0:+SIGN-RSA-SHA1:%VERIFY_ALLOW_SIGN_WITH_SHA1:%PROFILE_VERY_WEAK";
static const char never[] = ":-VERS-SSL3.0:-VERS-TLS1.0:-VERS-TLS1.1";

struct msub_tls_trust
{
  struct msub_tls_anchors *anchors;
  bool token; /* our key is in a PKCS#11 token, or behind another URL */
  gnutls_priority_t priority;
  struct msub_pins pins;
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
  ssize_t failed;                 /* what ended it: GnuTLS says that once, and then only that the session is over */
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
  trust->pins = options->pins;
  trust->memory = options->memory;
  const char *key = options->key_file ? options->key_file : options->cert_file;
  trust->token = key && gnutls_url_is_supported (key);
  if (load_priority (trust, options, err) == 0)
    trust->anchors = msub_tls_anchors_load (context, options, deadline, err);
  if (!trust->anchors)
    msub_tls_trust_free (&trust);
  return trust;
}

void
msub_tls_trust_free (struct msub_tls_trust **trust)
{
  if (!*trust)
    return;
  msub_tls_anchors_leave ((*trust)->anchors);
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

static const char *
alert_words (gnutls_session_t session)
{
  const char *words = gnutls_alert_get_name (gnutls_alert_get (session));
  return words ? words : "unknown alert";
}

/* Has the server asked for a client certificate, in vain?  */
static bool
certificate_missed (gnutls_session_t session)
{
  return gnutls_certificate_client_get_request_status (session) && !gnutls_certificate_get_ours (session);
}

/* Is the alert, from a server that has asked for a client certificate, about that?  */
static bool
certificate_refused (gnutls_session_t session)
{
  if (!gnutls_certificate_client_get_request_status (session))
    return false;
  switch (gnutls_alert_get (session))
    {
    case GNUTLS_A_HANDSHAKE_FAILURE: /* TLS 1.2, where there is none (RFC 5246 section 7.4.6) */
    case GNUTLS_A_SSL3_NO_CERTIFICATE:
    case GNUTLS_A_BAD_CERTIFICATE:
    case GNUTLS_A_UNSUPPORTED_CERTIFICATE:
    case GNUTLS_A_CERTIFICATE_REVOKED:
    case GNUTLS_A_CERTIFICATE_EXPIRED:
    case GNUTLS_A_CERTIFICATE_UNKNOWN:
    case GNUTLS_A_UNKNOWN_CA:
    case GNUTLS_A_ACCESS_DENIED:
    case GNUTLS_A_CERTIFICATE_REQUIRED:
      return true;
    default:
      return false;
    }
}

/* In TLS 1.3 the handshake is over here when the server looks at the certificate.  */
static int
fail_for_certificate (gnutls_session_t session, enum msub_kind kind, const char *peer, const char *why, struct msub_error *err)
{
  if (err->kind != MSUB_OK)
    return -1;
  msub_fail (err, kind,
             certificate_missed (session) ? "%s wants a client certificate and got none (%s)"
                                          : "%s does not accept the client certificate (%s)",
             peer, why);
  err->about = "client-certificate";
  return -1;
}

static ssize_t
record_failed (struct msub_connection *c, ssize_t code, struct msub_error *err)
{
  struct tls *tls = c->state;
  /* A warning ends nothing (RFC 5246 section 7.2).  */
  if (code == GNUTLS_E_AGAIN || code == GNUTLS_E_INTERRUPTED || code == GNUTLS_E_WARNING_ALERT_RECEIVED)
    return want (tls->session);
  if (tls->failed == 0)
    tls->failed = code;
  code = tls->failed;
  if (code == GNUTLS_E_FATAL_ALERT_RECEIVED && certificate_refused (tls->session))
    fail_for_certificate (tls->session, MSUB_AUTH, c->peer.text, alert_words (tls->session), err);
  else if (code == GNUTLS_E_FATAL_ALERT_RECEIVED)
    msub_fail (err, MSUB_TLS, "%s broke off TLS: %s", c->peer.text, alert_words (tls->session));
  else if (code == GNUTLS_E_PREMATURE_TERMINATION || code == GNUTLS_E_PULL_ERROR || code == GNUTLS_E_PUSH_ERROR)
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
  ssize_t got = gnutls_record_recv (session_of (c), buf, n);
  wipe_record ();
  return got >= 0 ? got : record_failed (c, got, err);
}

static ssize_t
tls_send (struct msub_connection *c, const void *buf, size_t n, struct msub_error *err)
{
  ssize_t put = gnutls_record_send (session_of (c), buf, n);
  return put >= 0 ? put : record_failed (c, put, err);
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

/* The web's port is shared by what ALPN tells apart (RFC 7301), and what does not say that it takes mail there is the web's
   (SECURITY: S10).  Elsewhere nothing is offered: there is nothing to tell apart.  */
#define WEB_PORT 443
static const unsigned char alpn_name[] = "smtp";
static const gnutls_datum_t alpn_mail = { (unsigned char *) alpn_name, sizeof alpn_name - 1 };

static int
no_mail_server (const char *peer, struct msub_error *err)
{
  return msub_fail (err, MSUB_TLS,
                    "What answers at port %d of %s is no mail server but one of the web (it did not choose smtp by ALPN). "
                    "Nothing was sent",
                    WEB_PORT, peer);
}

static int
too_old (const char *peer, const char *why, struct msub_error *err)
{
  return msub_fail (err, MSUB_INSECURE, "%s has no TLS that is new enough (%s). Nothing was sent", peer, why);
}

static int
handshake_failed (gnutls_session_t session, int code, const struct msub_connection *c, const char **failure_r,
                  struct msub_error *err)
{
  const char *peer = c->peer.text;
  const char *failure = *failure_r = failure_of (session, code);
  /* Of these kinds of failure some say that the server has nothing that is strong enough.  */
  bool weak = strcmp (failure, "weak") == 0 || code == GNUTLS_E_CERTIFICATE_KEY_MISMATCH;
  if (code == GNUTLS_E_UNSUPPORTED_VERSION_PACKET)
    return too_old (peer, "it answers with an older version", err);
  if (code == GNUTLS_E_FATAL_ALERT_RECEIVED)
    {
      gnutls_alert_description_t alert = gnutls_alert_get (session);
      if (alert == GNUTLS_A_PROTOCOL_VERSION)
        return too_old (peer, alert_words (session), err);
      if (alert == GNUTLS_A_NO_APPLICATION_PROTOCOL && c->port == WEB_PORT)
        return no_mail_server (peer, err);
      if (certificate_refused (session))
        return fail_for_certificate (session, MSUB_AUTH, peer, alert_words (session), err);
      /* GnuTLS' own says "decode error".  */
      if (!weak && certificate_missed (session))
        return fail_for_certificate (session, MSUB_TLS, peer, alert_words (session), err);
      return msub_fail (err, weak || alert == GNUTLS_A_HANDSHAKE_FAILURE ? MSUB_INSECURE : MSUB_TLS,
                        "%s broke off the TLS handshake: %s. Nothing was sent; there is no going on without TLS", peer,
                        alert_words (session));
    }
  if (strcmp (failure, "closed") == 0 && certificate_missed (session))
    return fail_for_certificate (session, MSUB_TLS, peer, "it closed the connection during the TLS handshake", err);
  if (strcmp (failure, "closed") == 0)
    return msub_fail (err, MSUB_TLS, "%s closed the connection during the TLS handshake", peer);
  if (strcmp (failure, "plaintext") == 0)
    return msub_fail (err, MSUB_INSECURE, "%s answers the TLS handshake with something that is not TLS", peer);
  if (code == GNUTLS_E_KEY_USAGE_VIOLATION)
    return msub_fail (err, MSUB_INSECURE,
                      "The certificate of %s must not be used for what TLS needs it for (its key usage has no digital "
                      "signature). Nothing was sent; the server needs another certificate",
                      peer);
  if (code == GNUTLS_E_PK_SIG_VERIFY_FAILED)
    return msub_fail (err, MSUB_INSECURE,
                      "%s could not prove that the certificate it shows is its own: somebody else may be answering", peer);
  return msub_fail (err, weak ? MSUB_INSECURE : MSUB_TLS, "The TLS handshake with %s failed: %s", peer,
                    gnutls_strerror (code));
}

/* A token that has to sign may want to be touched first, so that a handshake with one is an errand.  It has its own descriptor
   of the connection, because ours may be closed while it goes on.  */
struct handshake
{
  struct msub_errand errand;
  gnutls_session_t session; /* NULL: not its own any more */
  struct msub_tls_anchors *anchors;
  int fd, code;
  uint64_t received;
  char first[MSUB_CONNECTION_FIRST];
};

static ssize_t
pull_apart (gnutls_transport_ptr_t handshake, void *buf, size_t n)
{
  struct handshake *h = handshake;
  ssize_t got = recv (h->fd, buf, n, 0);
  if (got > 0)
    {
      msub_connection_note_first (h->first, h->received, buf, (size_t) got);
      h->received += (uint64_t) got;
    }
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
  msub_tls_anchors_leave (h->anchors);
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
  *h = (struct handshake) {
    .errand = { shake, handshake_late, handshake_dispose }, .session = tls->session, .anchors = msub_tls_anchors_share (trust->anchors), .fd = fd,
  };
  gnutls_transport_set_ptr (h->session, h);
  gnutls_transport_set_pull_function (h->session, pull_apart);
  gnutls_transport_set_push_function (h->session, push_apart);
  tls->session = NULL;
  if (msub_wait_errand (c->context, &h->errand, deadline, err))
    return 1;
  tls->session = h->session;
  h->session = NULL;
  msub_connection_note_first (c->first, c->received, h->first,
                              h->received < sizeof h->first ? (size_t) h->received : sizeof h->first);
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
  for (unsigned gaps = msub_net_gaps (c->fd);;) /* gaps that have been filled */
    {
      int code = trust->token ? shake_apart (c, tls, trust, deadline, err) : gnutls_handshake (tls->session);
      if (code == GNUTLS_E_SUCCESS)
        return 0;
      if (code > 0)
        {
          *failure_r = err->kind == MSUB_TIMEOUT ? "timeout" : "other";
          return -1;
        }
      if (code == GNUTLS_E_GOT_APPLICATION_DATA)
        code = GNUTLS_E_UNEXPECTED_PACKET;
      if (gnutls_error_is_fatal (code))
        return handshake_failed (tls->session, code, c, failure_r, err);
      /* A warning ends nothing: to some servers the name in SNI is no name of theirs, and they go on (RFC 6066 section 3).
         The deadline holds while data keeps coming, too (SECURITY: C10).  */
      struct pollfd fds[2] = { { 0 }, { .fd = c->fd, .events = want (tls->session) == MSUB_IO_WRITE ? POLLOUT : POLLIN } };
      int ready = msub_now () < deadline ? msub_wait_poll (c->context, fds, 2, deadline, err) : 0;
      if (ready < 0)
        return -1;
      if (ready == 0)
        {
          *failure_r = "timeout";
          /* A certificate fills packets, and the last one of them is short.  */
          err->about = msub_net_gaps (c->fd) > gaps ? "long-packets" : NULL;
          return msub_connection_late (c, err->about ? "get its long packets through (MTU of a VPN or DSL?) for the TLS handshake"
                                                     : "finish the TLS handshake", err);
        }
    }
}

static bool
takes_mail (gnutls_session_t session, const struct msub_connection *c)
{
  gnutls_datum_t chosen;
  return c->port != WEB_PORT
         || (gnutls_alpn_get_selected_protocol (session, &chosen) == 0 && chosen.size == alpn_mail.size
             && memcmp (chosen.data, alpn_mail.data, chosen.size) == 0);
}

/* Is NAME to be sent in SNI: no address, and a name as hosts have it?  A server with GnuTLS, as Debian's Exim is, ends the
   handshake for another, such as one with "_" (SECURITY: C6).  */
static bool
has_sni (const char *name)
{
  static const char ldh[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-.";
  unsigned char octets[16];
  unsigned length;
  return !msub_tls_numeric (name, octets, &length) && name[strspn (name, ldh)] == '\0';
}

static int
seen_enough (gnutls_session_t session)
{
  (void) session;
  return -1;
}

static int
set_up (gnutls_session_t session, struct msub_connection *c, const struct msub_tls_trust *trust, const char *name)
{
  int failed = gnutls_priority_set (session, trust->priority);
  if (failed >= 0 && has_sni (name))
    failed = gnutls_server_name_set (session, GNUTLS_NAME_DNS, name, strlen (name));
  if (failed >= 0)
    failed = gnutls_credentials_set (session, GNUTLS_CRD_CERTIFICATE, msub_tls_anchors_credentials (trust->anchors));
  if (failed >= 0 && c->port == WEB_PORT)
    failed = gnutls_alpn_set_protocols (session, &alpn_mail, 1, 0);
  if (c->glance)
    gnutls_session_set_verify_function (session, seen_enough);
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
      || msub_tls_inspect (tls->session, name, c->port, &trust->pins, info, err))
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
  if (!takes_mail (tls->session, c))
    return no_mail_server (msub_connection_called (c, name).text, err);
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
  tls->memory = c->glance ? NULL : trust->memory;
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
  for (unsigned i = 0; chain && i < count && i < MSUB_CHAIN_MAX; i++)
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
