/* test-gate.c --- the relay's gate: what comes in the clear, where TLS begins, and who is sent away.

   The relay is this program, at a Unix socket.
   SPDX-License-Identifier: GPL-3.0-or-later  */

#define _GNU_SOURCE
#include "tap.h"
#include "gate.h"

#include <errno.h>
#include <fcntl.h>
#include <gnutls/gnutls.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

/* Long: the machine may be slow.  */
enum { PATIENCE_MSECS = 120000 };

static struct
{
  char directory[64], path[96], certificate[96];
  int relay; /* listens */
  struct msub_gates *gates;
  struct msub_identity *identity;
  intmax_t handle;
  uint16_t port;
  bool implicit;
} house;

static void
open_house (size_t most, int handshake_msecs)
{
  struct msub_error err = { 0 };
  struct msub_gate_options options = {
    .host = "127.0.0.1", .path = house.path, .identity = house.identity, .most = most, .handshake_msecs = handshake_msecs,
    .implicit = house.implicit,
  };
  house.handle = msub_gate_open (house.gates, &options, &house.port, &err);
  tap_expect (house.handle > 0, "no gate: %s", err.text);
}

static int
visit (void)
{
  struct sockaddr_in in = { .sin_family = AF_INET, .sin_addr.s_addr = htonl (INADDR_LOOPBACK), .sin_port = htons (house.port) };
  int fd = socket (AF_INET, SOCK_STREAM, 0);
  tap_expect (connect (fd, (struct sockaddr *) &in, sizeof in) == 0, "nobody listens");
  return fd;
}

static bool
readable (int fd)
{
  struct pollfd fds[] = { { .fd = fd, .events = POLLIN } };
  return tap_expect (poll (fds, 1, PATIENCE_MSECS) > 0, "nothing comes");
}

/* Expect N octets, TEXT, from FD; with no TEXT its end.  */
static void
hear (int fd, const char *text)
{
  char octets[256] = "";
  size_t got = 0, n = text ? strlen (text) : 1;
  while (got < n && readable (fd))
    {
      ssize_t more = recv (fd, octets + got, n - got, 0);
      if (more <= 0)
        break;
      got += (size_t) more;
    }
  tap_expect_text ("what comes", octets, text ? text : "");
}

static void
say (int fd, const char *text)
{
  tap_expect (send (fd, text, strlen (text), MSG_NOSIGNAL) == (ssize_t) strlen (text), "cannot send");
}

/* The relay's end of the next guest, whose ticket is read.  */
static int
meet (char ticket_r[MSUB_TICKET])
{
  ticket_r[0] = '\0';
  int fd = readable (house.relay) ? accept (house.relay, NULL, NULL) : -1;
  size_t got = 0;
  char line[MSUB_TICKET + 1] = "";
  while (got < MSUB_TICKET && readable (fd))
    {
      ssize_t n = recv (fd, line + got, MSUB_TICKET - got, 0);
      if (n <= 0)
        break;
      got += (size_t) n;
    }
  tap_expect (got == MSUB_TICKET && line[MSUB_TICKET - 1] == '\n', "no ticket: %s", line);
  memcpy (ticket_r, line, MSUB_TICKET - 1);
  ticket_r[MSUB_TICKET - 1] = '\0';
  return fd;
}

static void
leave_all (int client, int relay)
{
  close (client);
  close (relay);
  tap_expect_int ("guests that are left", (int) msub_gates_rest (house.gates, PATIENCE_MSECS), 0);
  tap_expect (msub_gate_close (house.gates, house.handle), "the gate is not known");
  tap_expect (!msub_gate_close (house.gates, house.handle), "it is closed twice");
}

static void
test_passing_on (void)
{
  char ticket[MSUB_TICKET];
  struct msub_guest guest;
  tap_begin ("octets go both ways, and the relay is told whose they are");
  open_house (10, 1000);
  int client = visit (), relay = meet (ticket);
  tap_expect (!msub_gate_guest (house.gates, "", &guest), "a guest without a ticket");
  tap_expect (msub_gate_guest (house.gates, ticket, &guest), "no guest has the ticket");
  struct sockaddr_in name;
  socklen_t length = sizeof name;
  getsockname (client, (struct sockaddr *) &name, &length);
  tap_expect_int ("its port", msub_address_port_of ((struct sockaddr *) &guest.ends.remote.sockaddr), ntohs (name.sin_port));
  tap_expect_int ("the gate's", msub_address_port_of ((struct sockaddr *) &guest.ends.local.sockaddr), house.port);
  tap_expect (guest.ends.original.length == 0 && !guest.loop, "it was redirected");
  say (relay, "220 hello\r\n");
  hear (client, "220 hello\r\n");
  say (client, "QUIT\r\n");
  hear (relay, "QUIT\r\n");
  /* A client that has said all it has to say listens on.  */
  shutdown (client, SHUT_WR);
  hear (relay, NULL);
  say (relay, "221 bye\r\n");
  hear (client, "221 bye\r\n");
  close (relay);
  hear (client, NULL);
  leave_all (client, -1);
  /* The port is free at once.  */
  struct msub_address local;
  int again = msub_net_listen ("127.0.0.1", house.port, &local);
  tap_expect (again >= 0, "the port is not free");
  close (again);
  tap_end ();
}

static gnutls_session_t
client_tls (int fd, gnutls_certificate_credentials_t *trust_r)
{
  gnutls_session_t session;
  gnutls_certificate_allocate_credentials (trust_r);
  gnutls_certificate_set_x509_trust_file (*trust_r, house.certificate, GNUTLS_X509_FMT_PEM);
  gnutls_init (&session, GNUTLS_CLIENT | GNUTLS_NONBLOCK | GNUTLS_NO_SIGNAL);
  gnutls_set_default_priority (session);
  gnutls_credentials_set (session, GNUTLS_CRD_CERTIFICATE, *trust_r);
  gnutls_session_set_verify_cert (session, "relay.example", 0);
  gnutls_transport_set_int (session, fd);
  return session;
}

static void
test_tls (void)
{
  char ticket[MSUB_TICKET], octets[64] = "";
  gnutls_certificate_credentials_t trust;
  tap_begin ("TLS begins behind the octet it was said for, with a certificate that a client can verify");
  open_house (10, PATIENCE_MSECS);
  int client = visit (), relay = meet (ticket);
  say (client, "STARTTLS\r\n");
  hear (relay, "STARTTLS\r\n");
  tap_expect (msub_gate_secure (house.gates, ticket, 10, 9), "no TLS");
  tap_expect (!msub_gate_secure (house.gates, ticket, 10, 9), "TLS twice");
  /* What follows may only go by TLS, at whatever time it is written.  */
  say (relay, "220 now\r\n250 secret\r\n");
  hear (client, "220 now\r\n");
  gnutls_session_t session = client_tls (client, &trust);
  int code = gnutls_handshake (session);
  tap_expect (code == 0, "handshake: %s", gnutls_strerror (code));
  tap_expect (gnutls_protocol_get_version (session) >= GNUTLS_TLS1_2, "an old version");
  tap_expect_int ("octets", (int) gnutls_record_recv (session, octets, sizeof octets), 12);
  tap_expect_text ("by TLS", octets, "250 secret\r\n");
  gnutls_record_send (session, "NOOP\r\n", 6);
  hear (relay, "NOOP\r\n");
  close (relay);
  tap_expect_int ("its end", (int) gnutls_record_recv (session, octets, sizeof octets), 0);
  gnutls_deinit (session);
  gnutls_certificate_free_credentials (trust);
  leave_all (client, -1);
  tap_end ();
}

/* TEXT comes with STARTTLS, or behind it before the handshake.  */
static void
test_injection (const char *name, bool at_once)
{
  char ticket[MSUB_TICKET];
  tap_begin ("%s", name);
  open_house (10, PATIENCE_MSECS);
  int client = visit (), relay = meet (ticket);
  say (client, at_once ? "STARTTLS\r\nMAIL\r\n" : "STARTTLS\r\n");
  hear (relay, "STARTTLS\r\n");
  if (at_once)
    {
      /* The rest is on its way to the relay, or there.  */
      hear (relay, "MAIL\r\n");
      tap_expect (!msub_gate_secure (house.gates, ticket, 10, 0), "TLS begins in the middle");
      tap_expect (msub_gate_secure (house.gates, ticket, 16, 0), "no TLS behind all of it");
    }
  else
    {
      tap_expect (msub_gate_secure (house.gates, ticket, 10, 0), "no TLS");
      say (client, "MAIL FROM:<you@x>\r\n");
      hear (relay, NULL);
    }
  leave_all (client, relay);
  tap_end ();
}

/* The guest may say hello before the relay has heard of it.  */
static void
test_implicit (void)
{
  char ticket[MSUB_TICKET], octets[64] = "";
  gnutls_certificate_credentials_t trust;
  tap_begin ("at a port where TLS comes first, nothing is taken for something in the clear");
  house.implicit = true;
  open_house (10, PATIENCE_MSECS);
  int client = visit ();
  fcntl (client, F_SETFL, O_NONBLOCK);
  gnutls_session_t session = client_tls (client, &trust);
  int code = gnutls_handshake (session);
  tap_expect (code == GNUTLS_E_AGAIN, "handshake: %s", gnutls_strerror (code));
  int relay = meet (ticket);
  struct pollfd fds[] = { { .fd = relay, .events = POLLIN } };
  tap_expect_int ("the relay hears", poll (fds, 1, 20), 0);
  tap_expect (msub_gate_secure (house.gates, ticket, 0, 0), "no TLS");
  say (relay, "220 hello\r\n");
  fcntl (client, F_SETFL, 0);
  code = gnutls_handshake (session);
  tap_expect (code == 0, "handshake: %s", gnutls_strerror (code));
  tap_expect_int ("octets", (int) gnutls_record_recv (session, octets, sizeof octets), 11);
  tap_expect_text ("by TLS", octets, "220 hello\r\n");
  gnutls_deinit (session);
  gnutls_certificate_free_credentials (trust);
  leave_all (client, relay);
  house.implicit = false;
  tap_end ();
}

static void
test_endless (void)
{
  char ticket[MSUB_TICKET];
  tap_begin ("R2 a handshake that never ends is ended");
  open_house (10, 50);
  int client = visit (), relay = meet (ticket);
  tap_expect (msub_gate_secure (house.gates, ticket, 0, 0), "no TLS");
  say (relay, "220 wait\r\n");
  hear (relay, NULL);
  leave_all (client, relay);
  tap_end ();
}

static void
test_crowd (void)
{
  enum { MOST = 3, MORE = 60 };
  char ticket[MSUB_TICKET];
  int clients[MOST], relays[MOST];
  tap_begin ("R4 whoever is one too many is sent away, and those who are there stay");
  open_house (MOST, 1000);
  for (int i = 0; i < MOST; i++)
    {
      clients[i] = visit ();
      relays[i] = meet (ticket);
    }
  for (int i = 0; i < MORE; i++)
    {
      int fd = visit ();
      hear (fd, NULL);
      close (fd);
    }
  for (int i = 0; i < MOST; i++)
    {
      say (clients[i], "NOOP\r\n");
      hear (relays[i], "NOOP\r\n");
      if (i > 0)
        {
          close (clients[i]);
          close (relays[i]);
        }
    }
  leave_all (clients[0], relays[0]);
  tap_end ();
}

static void
test_identity (void)
{
  struct msub_error err = { 0 };
  struct stat status;
  char fingerprint[MSUB_FINGERPRINT], first[MSUB_FINGERPRINT];
  tap_begin ("a certificate is made once, for its owner's eyes, and never over a file");
  tap_expect_int ("made", msub_identity_make (house.certificate, "relay.example", &err), 0);
  tap_expect (stat (house.certificate, &status) == 0 && (status.st_mode & 0777) == 0600, "others can read it");
  tap_expect (msub_identity_make (house.certificate, "relay.example", &err) < 0 && err.kind == MSUB_CONFIG, "made twice");
  err = (struct msub_error) { 0 };
  house.identity = msub_identity_load (house.certificate, NULL, first, &err);
  tap_expect (house.identity && strncmp (first, "sha256:", 7) == 0 && strlen (first) == 71, "not loaded: %s", err.text);
  struct msub_identity *again = msub_identity_load (house.certificate, house.certificate, fingerprint, &err);
  tap_expect_text ("the same, later", fingerprint, first);
  msub_identity_leave (again);
  tap_expect (!msub_identity_load (house.path, NULL, fingerprint, &err) && err.kind == MSUB_CONFIG, "no file is a certificate");
  tap_end ();
}

int
main (void)
{
  struct sockaddr_un un = { .sun_family = AF_UNIX };
  const char *top = getenv ("TMPDIR");
  snprintf (house.directory, sizeof house.directory, "%s/mew-submit-gate-XXXXXX", top && *top ? top : P_tmpdir);
  if (!mkdtemp (house.directory))
    return 1;
  snprintf (house.path, sizeof house.path, "%s/relay", house.directory);
  snprintf (house.certificate, sizeof house.certificate, "%s/pem", house.directory);
  house.gates = msub_gates_new ();
  house.relay = socket (AF_UNIX, SOCK_STREAM, 0);
  memcpy (un.sun_path, house.path, sizeof un.sun_path < sizeof house.path ? sizeof un.sun_path : sizeof house.path);
  test_identity ();
  if (!house.gates || bind (house.relay, (struct sockaddr *) &un, sizeof un) || listen (house.relay, 10))
    return 1;
  /* First: a guest that has been dismissed counts until its thread has ended, which nobody here can see.  */
  test_crowd ();
  test_passing_on ();
  test_tls ();
  test_injection ("R3 a command that comes with STARTTLS is not taken for one inside TLS", true);
  test_injection ("R3 a command in the clear behind STARTTLS ends the connection", false);
  test_implicit ();
  test_endless ();
  msub_identity_leave (house.identity);
  close (house.relay);
  unlink (house.path);
  unlink (house.certificate);
  rmdir (house.directory);
  return tap_done ();
}
