/* test-cut.c --- what was given up half way never arrives: a message is cut at hundreds of moments.

   A server in a thread of its own takes as many octets off its socket as it is told to, and then waits; the client fills what
   the system holds for it, and is cancelled, interrupted or out of time there.  Before the client closes, the server
   takes a little more, so that there is room again: whatever the client says then would carry along what GnuTLS still holds,
   the end of the message too.  In the end the server takes all that comes, and tells whether it has a whole message.
   Moments are told by octets, none by a clock.  SECURITY: I13, I1, I10.
   SPDX-License-Identifier: GPL-3.0-or-later  */

#define _GNU_SOURCE
#include "tap.h"
#include "server.h"
#include "transaction.h"

#include <arpa/inet.h>
#include <errno.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum how { BY_DATA, BY_CHUNK, IN_FLIGHT };
enum cause { CANCEL, EARLY_REPLY, TIME_OUT };

#define WITHOUT_END SIZE_MAX

/* The server */

struct peer
{
  int fd, wake;             /* WAKE: told that the server waits */
  enum how how;
  bool tls;
  gnutls_session_t session;
  pthread_mutex_t mutex;
  pthread_cond_t changed;
  size_t allowed, taken;    /* octets off the socket; under the mutex */
  bool waits, left;         /* for more to be allowed; for good; under the mutex */
  char in[16384];
  size_t start, end;
  bool whole, said_yes;     /* it has a whole message; it has said 250 to it */
};

static gnutls_certificate_credentials_t credentials;

static void
make_credentials (void)
{
  gnutls_x509_privkey_t key;
  gnutls_x509_crt_t certificate;
  gnutls_x509_privkey_init (&key);
  gnutls_x509_privkey_generate (key, GNUTLS_PK_ECDSA, GNUTLS_CURVE_TO_BITS (GNUTLS_ECC_CURVE_SECP256R1), 0);
  gnutls_x509_crt_init (&certificate);
  gnutls_x509_crt_set_version (certificate, 3);
  gnutls_x509_crt_set_serial (certificate, "\1", 1);
  gnutls_x509_crt_set_dn (certificate, "CN=127.0.0.1", NULL);
  gnutls_x509_crt_set_activation_time (certificate, time (NULL) - 86400);
  gnutls_x509_crt_set_expiration_time (certificate, time (NULL) + 86400);
  gnutls_x509_crt_set_key (certificate, key);
  gnutls_x509_crt_sign2 (certificate, certificate, key, GNUTLS_DIG_SHA256, 0);
  gnutls_certificate_allocate_credentials (&credentials);
  gnutls_certificate_set_x509_key (credentials, &certificate, 1, key);
  gnutls_x509_crt_deinit (certificate);
  gnutls_x509_privkey_deinit (key);
}

/* Take at most N octets off the socket, as soon as some are allowed.  */
static ssize_t
take (gnutls_transport_ptr_t data, void *buf, size_t n)
{
  struct peer *peer = data;
  pthread_mutex_lock (&peer->mutex);
  while (peer->taken >= peer->allowed)
    {
      peer->waits = true;
      pthread_cond_broadcast (&peer->changed);
      while (write (peer->wake, "", 1) < 0 && errno == EINTR)
        ;
      pthread_cond_wait (&peer->changed, &peer->mutex);
    }
  peer->waits = false;
  size_t most = peer->allowed - peer->taken;
  pthread_mutex_unlock (&peer->mutex);
  ssize_t got = recv (peer->fd, buf, n < most ? n : most, 0);
  pthread_mutex_lock (&peer->mutex);
  peer->taken += got > 0 ? (size_t) got : 0;
  pthread_mutex_unlock (&peer->mutex);
  return got;
}

static ssize_t
give (gnutls_transport_ptr_t data, const void *buf, size_t n)
{
  return send (((struct peer *) data)->fd, buf, n, MSG_NOSIGNAL);
}

static void
say (struct peer *peer, const char *text)
{
  if (peer->tls)
    gnutls_record_send (peer->session, text, strlen (text));
  else
    give (peer, text, strlen (text));
}

/* The next octet, or -1 at the end.  */
static int
octet (struct peer *peer)
{
  if (peer->start == peer->end)
    {
      ssize_t got;
      do
        got = peer->tls ? gnutls_record_recv (peer->session, peer->in, sizeof peer->in)
                        : take (peer, peer->in, sizeof peer->in);
      while (peer->tls && got == GNUTLS_E_INTERRUPTED);
      if (got <= 0)
        return -1;
      peer->start = 0;
      peer->end = (size_t) got;
    }
  return (unsigned char) peer->in[peer->start++];
}

static bool
read_line (struct peer *peer, char *line, size_t size)
{
  size_t n = 0;
  int c;
  while ((c = octet (peer)) >= 0 && c != '\n')
    if (c != '\r' && n + 1 < size)
      line[n++] = (char) c;
  line[n] = '\0';
  return c >= 0;
}

static bool
read_message (struct peer *peer)
{
  static const char end[] = "\r\n.\r\n";
  size_t matched = 2;
  for (int c; matched < sizeof end - 1;)
    {
      if ((c = octet (peer)) < 0)
        return false;
      matched = c == end[matched] ? matched + 1 : c == '\r' ? 1 : 0;
    }
  return true;
}

static bool
read_chunk (struct peer *peer, size_t n)
{
  while (n > 0 && octet (peer) >= 0)
    n--;
  return n == 0;
}

static void
take_message (struct peer *peer, bool whole)
{
  if (!whole)
    return;
  peer->whole = true;
  say (peer, "250 2.0.0 taken\r\n");
  peer->said_yes = true;
}

static void
converse (struct peer *peer)
{
  char line[600];
  say (peer, "220 here ESMTP\r\n");
  while (read_line (peer, line, sizeof line))
    if (strncmp (line, "EHLO", 4) == 0)
      say (peer, peer->how == BY_DATA ? "250 here\r\n" : peer->how == BY_CHUNK ? "250-here\r\n250 CHUNKING\r\n"
                                                       : "250-here\r\n250-PIPELINING\r\n250 CHUNKING\r\n");
    else if (strncmp (line, "DATA", 4) == 0)
      {
        say (peer, "354 go on\r\n");
        take_message (peer, read_message (peer));
      }
    else if (strncmp (line, "BDAT ", 5) == 0)
      take_message (peer, read_chunk (peer, strtoul (line + 5, NULL, 10)));
    else
      say (peer, strcmp (line, "QUIT") == 0 ? "221 bye\r\n" : "250 fine\r\n");
}

static void *
serve (void *data)
{
  struct peer *peer = data;
  int code = 0;
  if (peer->tls)
    {
      gnutls_init (&peer->session, GNUTLS_SERVER);
      gnutls_set_default_priority (peer->session);
      gnutls_credentials_set (peer->session, GNUTLS_CRD_CERTIFICATE, credentials);
      gnutls_transport_set_ptr (peer->session, peer);
      gnutls_transport_set_pull_function (peer->session, take);
      gnutls_transport_set_push_function (peer->session, give);
      gnutls_handshake_set_timeout (peer->session, GNUTLS_INDEFINITE_TIMEOUT);
      while ((code = gnutls_handshake (peer->session)) < 0 && !gnutls_error_is_fatal (code))
        ;
    }
  if (code >= 0)
    converse (peer);
  if (peer->tls)
    gnutls_deinit (peer->session);
  close (peer->fd);
  pthread_mutex_lock (&peer->mutex);
  peer->left = true;
  pthread_cond_broadcast (&peer->changed);
  pthread_mutex_unlock (&peer->mutex);
  return NULL;
}

static void
allow (struct peer *peer, size_t octets)
{
  pthread_mutex_lock (&peer->mutex);
  peer->allowed = octets;
  pthread_cond_broadcast (&peer->changed);
  pthread_mutex_unlock (&peer->mutex);
}

/* Let it take MORE octets, and wait until it has, as far as there are some.  */
static void
allow_more (struct peer *peer, size_t more)
{
  pthread_mutex_lock (&peer->mutex);
  size_t goal = peer->allowed + more;
  peer->allowed = goal;
  peer->waits = false;
  pthread_cond_broadcast (&peer->changed);
  for (int queued = 1; queued > 0 && !peer->left && !(peer->waits && peer->taken >= goal);)
    {
      struct timespec soon;
      clock_gettime (CLOCK_REALTIME, &soon);
      soon.tv_nsec += 1000000;
      soon.tv_sec += soon.tv_nsec / 1000000000;
      soon.tv_nsec %= 1000000000;
      size_t before = peer->taken;
      if (pthread_cond_timedwait (&peer->changed, &peer->mutex, &soon) == ETIMEDOUT && before == peer->taken)
        ioctl (peer->fd, FIONREAD, &queued);
    }
  pthread_mutex_unlock (&peer->mutex);
}

static bool
waits (struct peer *peer)
{
  pthread_mutex_lock (&peer->mutex);
  bool result = peer->waits;
  pthread_mutex_unlock (&peer->mutex);
  return result;
}

/* The client */

struct client
{
  struct peer *peer;
  int fd, wake[2];
  enum cause cause;
  size_t more;
  bool cancelled, granted, armed;
  int queued;
};

static int
queued_octets (int fd)
{
  int queued = 0;
  ioctl (fd, TIOCOUTQ, &queued);
  return queued;
}

/* Asked between any two pieces, and before and after each wait: this is where the moment is chosen, when the server waits and
   the client has nothing left that it could do.  */
static bool
is_cancelled (void *data)
{
  struct client *client = data;
  if (client->cancelled || !client->armed || client->granted || !waits (client->peer))
    return client->cancelled;
  struct pollfd writable = { .fd = client->fd, .events = POLLOUT };
  int queued = queued_octets (client->fd), before = client->queued;
  client->queued = queued;
  if (poll (&writable, 1, 0) > 0 && queued != before)
    {
      while (write (client->wake[1], "", 1) < 0 && errno == EINTR)
        ;
      return false;
    }
  allow_more (client->peer, client->more);
  client->granted = true;
  client->cancelled = client->cause == CANCEL;
  if (client->cause == EARLY_REPLY)
    say (client->peer, "451 4.3.2 not now\r\n");
  return client->cancelled;
}

static bool
no_answer (void *data, struct msub_answer *answer)
{
  (void) data, (void) answer;
  return false;
}

static void
drop_event (void *data, struct msub_event *event)
{
  (void) data;
  msub_event_free (&event);
}

static void
small_buffer (int fd, int option, int octets)
{
  setsockopt (fd, SOL_SOCKET, option, &octets, sizeof octets);
}

/* A pair of connected sockets; the server's takes little, the client's holds BUFFER octets or so.  */
static bool
connect_pair (int buffer, int *server_r, int *client_r, struct msub_address *address_r)
{
  struct sockaddr_in in = { .sin_family = AF_INET, .sin_addr.s_addr = htonl (INADDR_LOOPBACK) };
  socklen_t length = sizeof in;
  int listener = socket (AF_INET, SOCK_STREAM, 0);
  small_buffer (listener, SO_RCVBUF, 4096);
  *client_r = msub_net_socket (AF_INET);
  small_buffer (*client_r, SO_SNDBUF, buffer);
  bool fine = bind (listener, (struct sockaddr *) &in, sizeof in) == 0 && listen (listener, 1) == 0
              && getsockname (listener, (struct sockaddr *) &in, &length) == 0;
  if (fine && connect (*client_r, (struct sockaddr *) &in, sizeof in) < 0)
    fine = errno == EINPROGRESS;
  *server_r = fine ? accept (listener, NULL, NULL) : -1;
  close (listener);
  *address_r = (struct msub_address) { .length = sizeof in };
  memcpy (&address_r->sockaddr, &in, sizeof in);
  msub_address_name (address_r);
  return *server_r >= 0;
}

struct outcome
{
  struct msub_error error;
  bool whole, said_yes;     /* what the server has, and said */
  bool broken_off;          /* what ended it came before the last octet had left */
  size_t taken;
};

/* Deliver the message in FD, of which the server takes ALLOWED octets of what comes off the wire, and MORE at the moment.  */
static struct outcome
deliver (enum how how, bool tls, enum cause cause, int fd, const struct msub_body_facts *facts, int buffer, size_t allowed,
         size_t more)
{
  struct peer peer = { .how = how, .tls = tls, .allowed = allowed, .mutex = PTHREAD_MUTEX_INITIALIZER,
                       .changed = PTHREAD_COND_INITIALIZER };
  struct client client = { .peer = &peer, .cause = cause, .more = more, .queued = -1 };
  struct outcome outcome = { .taken = 0 };
  struct msub_error *err = &outcome.error;
  struct msub_address address;
  pthread_t thread;
  if (pipe (client.wake) || msub_net_nonblocking_cloexec (client.wake[0]) || msub_net_nonblocking_cloexec (client.wake[1])
      || !connect_pair (buffer, &peer.fd, &client.fd, &address))
    {
      msub_fail_errno (err, MSUB_INTERNAL, errno, "No sockets");
      return outcome;
    }
  peer.wake = client.wake[1];
  pthread_create (&thread, NULL, serve, &peer);
  struct msub_context context = { .wake_fd = client.wake[0], .job = &client, .cancelled = is_cancelled,
                                  .take_answer = no_answer, .emit = drop_event };
  struct msub_request request = { .level = MSUB_LEVEL_NONE };
  struct msub_tls_options options = { .look = true };
  struct msub_server server = { .smtp = msub_smtp_new (msub_connection_new (&context, client.fd, &address, 25), "me", 0) };
  char *recipients[] = { "you@example.net", NULL };
  struct msub_envelope envelope = { .from = "me@example.org", .recipients = recipients, .count = 1 };
  struct msub_transaction transaction = { 0 };
  server.trust = tls ? msub_tls_trust_new (&context, &options, msub_now () + MSUB_MSECS (60000), err) : NULL;
  client.armed = true;
  int failed = (tls && msub_smtp_tls (server.smtp, server.trust, "127.0.0.1", false, &server.tls, err))
               || msub_smtp_greeting (server.smtp, err) || msub_smtp_hello (server.smtp, false, err);
  if (!failed)
    {
      server.smtp->step_msecs = cause == TIME_OUT ? 50 : 0;
      msub_smtp_send (server.smtp, &envelope, fd, facts, &transaction, err);
    }
  /* A refusal that was heard when everything had left is the answer, however early the server made up its mind.  */
  outcome.broken_off = server.smtp->in_message || err->kind != MSUB_DEFERRED;
  msub_server_rest (&server, &request, err, false);
  allow (&peer, WITHOUT_END);
  msub_server_close (&server);
  pthread_join (thread, NULL);
  msub_transaction_clear (&transaction);
  outcome.whole = peer.whole;
  outcome.said_yes = peer.said_yes;
  outcome.taken = peer.taken;
  close (client.wake[0]);
  close (client.wake[1]);
  return outcome;
}

/* A file of N octets of text, without a name.  */
static int
make_message (size_t n, struct msub_body_facts *facts_r)
{
  FILE *file = tmpfile ();
  struct msub_body body;
  msub_body_reset (&body, false);
  for (size_t i = 0; i < n; i++)
    {
      char c = i % 72 == 71 || i + 1 == n ? '\n' : 'x';
      putc (c, file);
      msub_body_encode (&body, &c, 1, NULL);
    }
  msub_body_finish (&body, NULL);
  fflush (file);
  *facts_r = body.facts;
  int fd = dup (fileno (file));
  fclose (file);
  return fd;
}

struct tally
{
  unsigned delivered, uncertain, broken_off, refused;
};

/* MOMENTS of them, evenly spread over the last REACH octets.  */
static void
cut_at (const char *name, enum how how, bool tls, enum cause cause, size_t octets, int buffer, size_t reach, size_t more,
        unsigned moments)
{
  struct msub_body_facts facts;
  int fd = make_message (octets, &facts);
  struct outcome all = deliver (how, tls, CANCEL, fd, &facts, buffer, WITHOUT_END, 0);
  struct tally tally = { 0 };
  tap_begin ("%s", name);
  tap_expect (all.error.kind == MSUB_OK && all.whole, "undisturbed, it is %s: %s", msub_kind_name (all.error.kind),
              all.error.text);
  size_t from = all.taken > reach ? all.taken - reach : 2000;
  for (unsigned i = 0; i < moments; i++)
    {
      size_t allowed = from + (all.taken - from) * i / moments;
      struct outcome o = deliver (how, tls, cause, fd, &facts, buffer, allowed, more);
      enum msub_kind kind = o.error.kind;
      tap_expect (kind != MSUB_OK || o.said_yes, "at %zu of %zu: delivered, and there was no 250", allowed, all.taken);
      bool not_sent = kind != MSUB_OK && kind != MSUB_UNCERTAIN && o.broken_off;
      tap_expect (!not_sent || !o.whole, "at %zu of %zu: %s (%s), and the server has the whole message", allowed, all.taken,
                  msub_kind_name (kind), o.error.text);
      tally.delivered += kind == MSUB_OK;
      tally.uncertain += kind == MSUB_UNCERTAIN;
      tally.broken_off += not_sent;
      tally.refused += kind == MSUB_DEFERRED && !o.broken_off;
    }
  tap_expect (tally.broken_off > 0, "no moment was early enough");
  tap_end ();
  printf ("# %u moments: %u not sent, %u uncertain, %u delivered, %u refused\n", moments, tally.broken_off, tally.uncertain,
          tally.delivered, tally.refused);
  close (fd);
}

/* A yes before the end */

struct impatience
{
  struct peer *peer;
  const struct msub_smtp *smtp;
  bool said;
};

/* 220, EHLO, MAIL, RCPT and DATA are answered: say yes to what has not been sent yet, and have it arrive.  */
static bool
say_yes (void *data)
{
  struct impatience *impatience = data;
  if (impatience->said || !impatience->smtp || impatience->smtp->replies < 5)
    return false;
  impatience->said = true;
  say (impatience->peer, "250 2.0.0 taken\r\n");
  struct pollfd readable = { .fd = impatience->smtp->c->fd, .events = POLLIN };
  while (poll (&readable, 1, -1) <= 0)
    ;
  return false;
}

static void
yes_before_the_end (void)
{
  struct msub_body_facts facts;
  struct msub_address address;
  struct msub_error err = { 0 };
  struct peer peer = { .how = BY_DATA, .allowed = WITHOUT_END, .mutex = PTHREAD_MUTEX_INITIALIZER,
                       .changed = PTHREAD_COND_INITIALIZER };
  struct impatience impatience = { .peer = &peer };
  char *recipients[] = { "you@example.net", NULL };
  char journal[] = "/tmp/test-cut-XXXXXX", lines[2000] = "";
  struct msub_transaction transaction = { 0 };
  pthread_t thread;
  int client = -1, wake[2] = { -1, -1 }, fd = make_message (100, &facts), file = mkstemp (journal);
  struct msub_envelope envelope = { .from = "me@example.org", .recipients = recipients, .count = 1, .journal = journal };
  tap_begin ("a 250 that comes before the end of the message is no yes in the journal");
  bool fine = pipe (wake) == 0 && connect_pair (65536, &peer.fd, &client, &address);
  tap_expect (fine && file >= 0, "no sockets, or no journal");
  struct msub_context context = { .wake_fd = wake[0], .job = &impatience, .cancelled = say_yes, .take_answer = no_answer,
                                  .emit = drop_event };
  pthread_create (&thread, NULL, serve, &peer);
  struct msub_smtp *smtp = msub_smtp_new (msub_connection_new (&context, client, &address, 25), "me", 0);
  impatience.smtp = smtp;
  if (msub_smtp_greeting (smtp, &err) == 0 && msub_smtp_hello (smtp, false, &err) == 0)
    msub_smtp_send (smtp, &envelope, fd, &facts, &transaction, &err);
  msub_smtp_free (&smtp);
  pthread_join (thread, NULL);
  tap_expect (impatience.said && !peer.whole, "the server has not spoken too early, or has the message");
  tap_expect (err.kind == MSUB_PROTOCOL, "it is %s: %s", msub_kind_name (err.kind), err.text);
  tap_expect (pread (file, lines, sizeof lines - 1, 0) > 0 && strstr (lines, "reply 451 "), "the journal says: %s", lines);
  tap_end ();
  msub_transaction_clear (&transaction);
  unlink (journal);
  close (file);
  close (fd);
  close (wake[0]);
  close (wake[1]);
}

int
main (void)
{
  signal (SIGPIPE, SIG_IGN);
  make_credentials ();
  const size_t record = 16384, block = 4 * record;
  const size_t large = 4 * block - 5, small = 30000;
  cut_at ("TLS, DATA, cancelled", BY_DATA, true, CANCEL, large / 73 * 72, 65536, 200000, 20000, 120);
  cut_at ("TLS, DATA, an early reply", BY_DATA, true, EARLY_REPLY, large / 73 * 72, 65536, 200000, 20000, 60);
  cut_at ("TLS, DATA, out of time", BY_DATA, true, TIME_OUT, large / 73 * 72, 65536, 200000, 20000, 30);
  cut_at ("TLS, BDAT, cancelled", BY_CHUNK, true, CANCEL, large / 73 * 72, 65536, 200000, 20000, 60);
  cut_at ("TLS, BDAT in the envelope's flight, cancelled", IN_FLIGHT, true, CANCEL, small, 8192, 60000, 6000, 60);
  cut_at ("TLS, BDAT in the envelope's flight, out of time", IN_FLIGHT, true, TIME_OUT, small, 8192, 60000, 6000, 30);
  cut_at ("DATA, cancelled", BY_DATA, false, CANCEL, large / 73 * 72, 65536, 200000, 20000, 40);
  cut_at ("BDAT in the envelope's flight, cancelled", IN_FLIGHT, false, CANCEL, small, 8192, 60000, 6000, 40);
  yes_before_the_end ();
  gnutls_certificate_free_credentials (credentials);
  return tap_done ();
}
