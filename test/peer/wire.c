/* wire.c --- octets over TCP or TLS.  Every wait has a deadline.

   SPDX-License-Identifier: GPL-3.0-or-later  */

#define _GNU_SOURCE
#include "peer.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define HANDSHAKE_MSECS 60000
#define SEND_MSECS 120000

/* 1 when FD is ready for EVENTS, 0 on time-out, -1 on error.  */
static int
ready (int fd, short events, long long msecs)
{
  long long deadline = now_msecs () + msecs;
  for (;;)
    {
      struct pollfd p = { .fd = fd, .events = events };
      long long left = deadline - now_msecs ();
      int n = poll (&p, 1, left > 0 ? (int) left : 0);
      if (n > 0)
        return p.revents & (POLLERR | POLLNVAL) ? -1 : 1;
      if (n == 0)
        return 0;
      if (errno != EINTR)
        return -1;
    }
}

static int
tls_ready (struct wire *w, long long msecs)
{
  return ready (w->fd, gnutls_record_get_direction (w->tls) ? POLLOUT : POLLIN, msecs);
}

/* Send P[0..N) into TCP; *TAKEN counts what it has taken, also of what goes no further.  */
static int
send_raw (struct wire *w, const char *p, size_t n, uint64_t *taken)
{
  while (n > 0)
    {
      ssize_t k = send (w->fd, p, n, MSG_NOSIGNAL);
      if (k > 0)
        {
          p += k;
          n -= (size_t) k;
          *taken += (uint64_t) k;
        }
      else if (errno == EAGAIN)
        {
          if (ready (w->fd, POLLOUT, SEND_MSECS) <= 0)
            return -1;
        }
      else if (errno != EINTR)
        return -1;
    }
  return 0;
}

int
wire_send_raw (struct wire *w, const void *p, size_t n)
{
  uint64_t uncounted = 0;
  return send_raw (w, p, n, &uncounted);
}

static int
send_all (struct wire *w, const char *p, size_t n)
{
  if (!w->tls)
    return send_raw (w, p, n, &w->octets_out);
  while (n > 0)
    {
      ssize_t k = gnutls_record_send (w->tls, p, n);
      if (k > 0)
        {
          p += k;
          n -= (size_t) k;
          w->octets_out += (uint64_t) k;
        }
      else if (k != GNUTLS_E_INTERRUPTED
               && (k != GNUTLS_E_AGAIN || ready (w->fd, POLLOUT, SEND_MSECS) <= 0))
        return -1;
    }
  return 0;
}

void
wire_hold (struct wire *w, const void *p, size_t n)
{
  if (w->out_n + n > w->out_size)
    {
      w->out_size = 2 * (w->out_n + n);
      w->out = need (realloc (w->out, w->out_size));
    }
  if (n > 0)
    memcpy (w->out + w->out_n, p, n);
  w->out_n += n;
}

int
wire_flush (struct wire *w)
{
  size_t n = w->out_n;
  w->out_n = 0;
  return n > 0 ? send_all (w, w->out, n) : 0;
}

int
wire_wait (struct wire *w, long msecs)
{
  return ready (w->fd, 0, msecs) < 0 ? -1 : 0;
}

void
wire_wait_close (struct wire *w, long msecs)
{
  ready (w->fd, POLLRDHUP, msecs);
}

int
wire_send_slowly (struct wire *w, const char *p, size_t n, size_t chunk, long msecs)
{
  while (n > 0)
    {
      size_t k = chunk > 0 && chunk < n ? chunk : n;
      if (send_all (w, p, k) < 0)
        return -1;
      p += k;
      n -= k;
      if (n > 0 && msecs > 0 && wire_wait (w, msecs) < 0)
        return -1;
    }
  return 0;
}

/* The client may answer our HelloRequest (`renegotiate'), or begin by itself.  */
static int
rehandshake (struct wire *w)
{
  int r;
  w->rehandshakes++;
  while ((r = gnutls_handshake (w->tls)) < 0 && !gnutls_error_is_fatal (r))
    if (r == GNUTLS_E_AGAIN && tls_ready (w, HANDSHAKE_MSECS) <= 0)
      return -1;
  return r < 0 ? -1 : 0;
}

int
wire_fill (struct wire *w, int timeout_msecs)
{
  if (wire_flush (w) < 0)
    return -1;
  if (w->in_start > 0)
    {
      memmove (w->in, w->in + w->in_start, w->in_end - w->in_start);
      w->in_end -= w->in_start;
      w->in_start = 0;
    }
  long long deadline = now_msecs () + timeout_msecs;
  for (;;)
    {
      char *p = w->in + w->in_end;
      size_t room = WIRE_IN - w->in_end;
      ssize_t n = w->tls ? gnutls_record_recv (w->tls, p, room) : recv (w->fd, p, room, 0);
      if (n >= 0)
        {
          w->in_end += (size_t) n;
          w->octets_in += (size_t) n;
          return n > 0;
        }
      if (w->tls && n == GNUTLS_E_REHANDSHAKE && rehandshake (w) < 0)
        return -1;
      w->warnings += w->tls && n == GNUTLS_E_WARNING_ALERT_RECEIVED;
      if (w->tls ? gnutls_error_is_fatal ((int) n) : errno != EAGAIN && errno != EINTR)
        return -1;
      if ((w->tls ? n == GNUTLS_E_AGAIN : errno == EAGAIN)
          && ready (w->fd, POLLIN, deadline - now_msecs ()) <= 0)
        return -1;
    }
}

/* --- TLS ---------------------------------------------------------------------------------- */

static ssize_t
push (gnutls_transport_ptr_t ptr, const void *p, size_t n)
{
  struct wire *w = ptr;
  if (w->handshake_truncate >= 0)
    {
      size_t left = (size_t) w->handshake_truncate, k = n < left ? n : left;
      w->handshake_truncate -= (long) k;
      if (wire_send_raw (w, p, k) == 0 && k == n)
        return (ssize_t) n;
      errno = ECONNRESET;
      return -1;
    }
  if (w->handshake_drip == 0)
    return send (w->fd, p, n, MSG_NOSIGNAL);
  for (size_t i = 0; i < n; i++)
    if (wire_send_raw (w, (const char *) p + i, 1) < 0 || wire_wait (w, w->handshake_drip) < 0)
      {
        errno = ECONNRESET;
        return -1;
      }
  return (ssize_t) n;
}

/* RFC 7919 has a server that knows none of the client's groups do without Diffie-Hellman, and so does GnuTLS.  A
   server from before knows nothing of them: overwrite the groups in the ClientHello, N octets at P.  The handshake
   cannot be finished then, as the two hash different messages; but a client looks at the parameters before.  */
static void
hide_groups (uint8_t *p, size_t n)
{
  /* Up to the session id: handshake header, version, random.  */
  size_t i = 4 + 2 + 32;
  if (n < i + 1 || p[0] != 1)
    return;
  i += 1u + p[i];
  i += i + 2 <= n ? 2u + (size_t) (p[i] << 8 | p[i + 1]) : n; /* cipher suites */
  i += i + 1 <= n ? 1u + p[i] : n;                            /* compression */
  for (i += 2; i + 4 <= n;)
    {
      size_t length = (size_t) (p[i + 2] << 8 | p[i + 3]);
      bool groups = p[i] == 0 && p[i + 1] == 10;
      i += 4;
      for (size_t k = i + 2; groups && k + 2 <= i + length && k + 2 <= n; k += 2)
        if (p[k] == 1)
          p[k] = 0x7A;
      i += length;
    }
}

/* The first reads of a handshake are the header of a record and its contents.  */
static ssize_t
pull_without_groups (gnutls_transport_ptr_t ptr, void *p, size_t n)
{
  struct wire *w = ptr;
  ssize_t k = recv (w->fd, p, n, 0);
  if (k > 0)
    hide_groups (p, (size_t) k);
  return k;
}

static char *
priority (const struct script *s)
{
  if (s->tls_priority)
    return printed ("%s", s->tls_priority);
  /* A modulus of 512 bits has no room for PSS, so neither for TLS 1.3.  */
  if (strcmp (s->cert, "rsa512") == 0)
    return printed ("NORMAL:-VERS-ALL:+VERS-TLS1.2:-SIGN-ALL:+SIGN-RSA-SHA256");
  if (s->dh)
    return printed ("NORMAL:-VERS-ALL:+VERS-TLS1.2:-KX-ALL:+DHE-RSA:-GROUP-ALL");
  char *list = printed ("%s", s->tls_versions ? s->tls_versions : "1.3+1.2"), *save = NULL;
  char *p = printed ("NORMAL:-VERS-ALL:%%SERVER_PRECEDENCE");
  for (char *v = strtok_r (list, "+", &save); v; v = strtok_r (NULL, "+", &save))
    {
      char *more = printed ("%s:+VERS-TLS%s", p, v);
      free (p);
      p = more;
    }
  free (list);
  return p;
}

/* Second Oakley group (RFC 2409, section 6.2): 1024 bits, what Logjam is about.  */
static const char oakley_2[]
  = "\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xC9\x0F\xDA\xA2\x21\x68\xC2\x34\xC4\xC6\x62\x8B\x80\xDC\x1C"
    "\xD1\x29\x02\x4E\x08\x8A\x67\xCC\x74\x02\x0B\xBE\xA6\x3B\x13\x9B\x22\x51\x4A\x08\x79\x8E\x34"
    "\x04\xDD\xEF\x95\x19\xB3\xCD\x3A\x43\x1B\x30\x2B\x0A\x6D\xF2\x5F\x14\x37\x4F\xE1\x35\x6D\x6D"
    "\x51\xC2\x45\xE4\x85\xB5\x76\x62\x5E\x7E\xC6\xF4\x4C\x42\xE9\xA6\x37\xED\x6B\x0B\xFF\x5C\xB6"
    "\xF4\x06\xB7\xED\xEE\x38\x6B\xFB\x5A\x89\x9F\xA5\xAE\x9F\x24\x11\x7C\x4B\x1F\xE6\x49\x28\x66"
    "\x51\xEC\xE6\x53\x81\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF";

static int
use_dh (struct wire *w, long bits)
{
  if (bits != 1024)
    return gnutls_certificate_set_known_dh_params (w->credentials, GNUTLS_SEC_PARAM_MEDIUM);
  gnutls_datum_t prime = { (unsigned char *) oakley_2, sizeof oakley_2 - 1 };
  gnutls_datum_t generator = { (unsigned char *) "\x02", 1 };
  int r = gnutls_dh_params_init (&w->dh);
  if (r == 0)
    r = gnutls_dh_params_import_raw (w->dh, &prime, &generator);
  if (r == 0)
    gnutls_certificate_set_dh_params (w->credentials, w->dh);
  return r;
}

static gnutls_datum_t ticket_key;

static void
make_ticket_key (void)
{
  gnutls_session_ticket_key_generate (&ticket_key);
}

/* Tickets that any connection of this server takes.  */
static int
use_tickets (gnutls_session_t session)
{
  static pthread_once_t once = PTHREAD_ONCE_INIT;
  pthread_once (&once, make_ticket_key);
  return gnutls_session_ticket_enable_server (session, &ticket_key);
}

static int
set_up (struct wire *w, const struct script *s)
{
  int r = gnutls_certificate_allocate_credentials (&w->credentials);
  if (r == 0)
    r = gnutls_anon_allocate_server_credentials (&w->anonymous);
  if (r == 0)
    r = certs_use (w->credentials, s->cert, s->staple);
  if (r == 0 && s->dh)
    r = use_dh (w, s->dh);
  if (r == 0)
    r = gnutls_init (&w->tls, GNUTLS_SERVER | GNUTLS_NONBLOCK | (s->tickets ? 0 : GNUTLS_NO_TICKETS));
  if (r == 0 && s->tickets)
    r = use_tickets (w->tls);
  char *p = priority (s);
  if (r == 0)
    r = gnutls_priority_set_direct (w->tls, p, NULL);
  free (p);
  if (r == 0)
    r = gnutls_credentials_set (w->tls, GNUTLS_CRD_CERTIFICATE, w->credentials);
  if (r == 0)
    r = gnutls_credentials_set (w->tls, GNUTLS_CRD_ANON, w->anonymous);
  if (r < 0)
    return r;
  gnutls_datum_t alpn = { (unsigned char *) s->alpn, s->alpn ? (unsigned) strlen (s->alpn) : 0 };
  if (s->alpn)
    gnutls_alpn_set_protocols (w->tls, &alpn, 1, GNUTLS_ALPN_MANDATORY);
  if (s->request_client_cert || s->require_client_cert)
    gnutls_certificate_server_set_request (w->tls, s->require_client_cert ? GNUTLS_CERT_REQUIRE : GNUTLS_CERT_REQUEST);
  gnutls_transport_set_int (w->tls, w->fd);
  gnutls_transport_set_ptr2 (w->tls, (gnutls_transport_ptr_t) (intptr_t) w->fd, w);
  if (s->dh)
    {
      gnutls_transport_set_ptr2 (w->tls, w, w);
      gnutls_transport_set_pull_function (w->tls, pull_without_groups);
    }
  gnutls_transport_set_push_function (w->tls, push);
  return 0;
}

int
wire_start_tls (struct wire *w, const struct script *s, char *error, size_t error_size)
{
  int r = set_up (w, s);
  long long deadline = now_msecs () + HANDSHAKE_MSECS;
  while (r == 0)
    {
      r = gnutls_handshake (w->tls);
      if (r == 0)
        {
          w->handshake_drip = 0;
          w->handshake_truncate = -1;
          return 0;
        }
      int waited = r == GNUTLS_E_AGAIN ? tls_ready (w, deadline - now_msecs ()) : 1;
      if (waited <= 0)
        r = waited < 0 ? GNUTLS_E_PREMATURE_TERMINATION : GNUTLS_E_TIMEDOUT;
      if (!gnutls_error_is_fatal (r))
        r = 0;
    }
  const char *alert = "";
  if (r == GNUTLS_E_FATAL_ALERT_RECEIVED)
    alert = gnutls_alert_get_name (gnutls_alert_get (w->tls));
  snprintf (error, error_size, "%s%s%s", gnutls_strerror (r), *alert ? ": " : "", alert);
  if (w->tls && w->handshake_truncate < 0)
    gnutls_alert_send_appropriate (w->tls, r);
  return -1;
}

/* --- the end ------------------------------------------------------------------------------ */

void
wire_end (struct wire *w, enum wire_end how)
{
  if (w->fd < 0)
    return;
  if (how == END_POLITE && w->tls)
    gnutls_bye (w->tls, GNUTLS_SHUT_WR);
  if (how == END_POLITE || how == END_NO_NOTIFY)
    {
      shutdown (w->fd, SHUT_WR);
      return;
    }
  struct linger linger = { .l_onoff = 1, .l_linger = 0 };
  if (how == END_RESET)
    setsockopt (w->fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
  close (w->fd);
  w->fd = -1;
}

void
wire_free (struct wire *w)
{
  if (w->tls)
    gnutls_deinit (w->tls);
  if (w->credentials)
    gnutls_certificate_free_credentials (w->credentials);
  if (w->anonymous)
    gnutls_anon_free_server_credentials (w->anonymous);
  if (w->dh)
    gnutls_dh_params_deinit (w->dh);
  if (w->fd >= 0)
    close (w->fd);
  free (w->out);
}
