/* test-net.c --- what each system has in its own way, and what is made of it where it has nothing.

   `make portable' runs this, too: then the system tells no more than POSIX has.
   SPDX-License-Identifier: GPL-3.0-or-later  */

#define _GNU_SOURCE
#include "tap.h"
#include "attempt.h"
#include "connection.h"
#include "neighbour.h"
#include "owner.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <string.h>
#include <unistd.h>

#if defined __linux__ && !defined MSUB_PORTABLE
enum { LINUX = 1 };
#else
enum { LINUX = 0 };
#endif

static void
test_clock (void)
{
  tap_begin ("clocks go on, also while we sleep");
  msub_time start = msub_now (), awake = msub_now_with_sleep ();
  msub_sleep (5);
  tap_expect (msub_now () >= start + MSUB_MSECS (5), "it was shorter than 5 ms");
  tap_expect (msub_now_with_sleep () >= awake + MSUB_MSECS (5), "it was shorter than 5 ms by the other clock");
  tap_end ();
}

static void
test_descriptors (void)
{
  int fds[5] = { -1, -1, -1, -1, -1 };
  tap_begin ("descriptors of ours do not block, and no child inherits them");
  tap_expect_int ("a pipe", msub_net_pipe (fds), 0);
  tap_expect_int ("a pair of sockets", msub_net_socket_pair (fds + 2), 0);
  tap_expect ((fds[4] = msub_net_socket (AF_INET)) >= 0, "no socket");
  for (size_t i = 0; i < TAP_COUNT (fds); i++)
    {
      tap_expect (fcntl (fds[i], F_GETFL) & O_NONBLOCK, "number %zu blocks", i);
      tap_expect (fcntl (fds[i], F_GETFD) & FD_CLOEXEC, "number %zu is inherited", i);
      close (fds[i]);
    }
  tap_end ();
}

static bool
never (void *arg)
{
  (void) arg;
  return false;
}

static void
drop (void *arg, struct msub_event *event)
{
  (void) arg;
  msub_event_free (&event);
}

/* A port of the loopback that is bound, and where nobody listens.  */
static int
shut_port (struct msub_address *address_r)
{
  struct sockaddr_in in = { .sin_family = AF_INET, .sin_addr.s_addr = htonl (INADDR_LOOPBACK) };
  *address_r = (struct msub_address) { .length = sizeof in };
  int fd = socket (AF_INET, SOCK_STREAM, 0);
  if (fd < 0 || bind (fd, (const struct sockaddr *) &in, sizeof in)
      || getsockname (fd, (struct sockaddr *) &address_r->sockaddr, &address_r->length))
    return -1;
  msub_address_name (address_r);
  return fd;
}

static void
test_refused (void)
{
  struct msub_context context = { .cancelled = never, .emit = drop };
  struct msub_way way = { .context = &context };
  struct msub_attempt attempt = { .way = &way, .fd = -1, .second_fd = -1, .route.family = AF_INET };
  tap_begin ("a refused port: by a RST, or \"2 or 3\" where the system does not tell");
  int fd = shut_port (&attempt.address);
  if (tap_expect (fd >= 0, "no port"))
    {
      attempt.route.port = ntohs (((const struct sockaddr_in *) &attempt.address.sockaddr)->sin_port);
      msub_attempt_start (&attempt);
      for (int i = 0; i < 120 && attempt.state == MSUB_CONNECTING; i++)
        {
          struct pollfd fds[MSUB_ATTEMPT_POLL_MAX];
          if (poll (fds, msub_attempt_poll (&attempt, fds), 1000) > 0)
            msub_attempt_look (&attempt, fds[0].fd);
        }
      tap_expect_int ("the state", attempt.state, MSUB_JUDGED);
      const char *said = msub_case_name (attempt.verdict.kase);
      tap_expect (said && strcmp (said, msub_net_tells_icmp () ? "2" : "2 or 3") == 0, "the case is %s", said ? said : "none");
      tap_expect (LINUX || !msub_net_tells_icmp (), "a portable build tells of ICMP");
      close (fd);
    }
  msub_attempt_close (&attempt);
  tap_end ();
}

/* What is always there to be read and never is anything: TLS' warnings, or tickets, one after the other.  */

static int reads;

static ssize_t
read_nothing (struct msub_connection *c, void *buf, size_t n, struct msub_error *err)
{
  (void) c, (void) buf, (void) n, (void) err;
  reads++;
  return MSUB_IO_READ;
}

static void
say_nothing (struct msub_connection *c)
{
  (void) c;
}

static void
free_nothing (void *state)
{
  (void) state;
}

/* Far more often than a deadline of some milliseconds needs.  */
static bool
after_many_reads (void *arg)
{
  (void) arg;
  return reads > 5000000;
}

static void
test_nothing_without_end (void)
{
  static const struct msub_transport transport
    = { .recv = read_nothing, .bye = say_nothing, .free = free_nothing };
  int fds[2] = { -1, -1 }, wake[2] = { -1, -1 };
  tap_begin ("whoever sends what is nothing does not outlast the deadline");
  tap_expect_int ("a pair of sockets", msub_net_socket_pair (fds), 0);
  tap_expect_int ("a pipe", msub_net_pipe (wake), 0);
  tap_expect_int ("an octet", (int) write (fds[1], "x", 1), 1);
  struct msub_context context = { .wake_fd = wake[0], .cancelled = after_many_reads, .emit = drop };
  struct msub_address peer = { .text = "peer" };
  struct msub_error err = { 0 };
  struct msub_connection *c = msub_connection_new (&context, fds[0], &peer, 25);
  msub_connection_transport (c, &transport, NULL);
  tap_expect_int ("the value", (int) msub_connection_fill (c, msub_now () + MSUB_MSECS (20), &err), -1);
  tap_expect_int ("the kind", err.kind, MSUB_TIMEOUT);
  msub_connection_free (&c);
  close (fds[1]);
  close (wake[0]);
  close (wake[1]);
  tap_end ();
}

static void
test_acknowledged (void)
{
  int fds[2] = { -1, -1 };
  struct msub_icmp icmp;
  tap_begin ("what TCP and ICMP do not tell is nothing");
  tap_expect_int ("a pair of sockets", msub_net_socket_pair (fds), 0);
  tap_expect (LINUX || msub_net_unacknowledged (fds[0]) == 0, "octets of a portable build wait");
  tap_expect (!msub_net_read_icmp (fds[0], &icmp), "an ICMP error on no TCP socket");
  tap_expect_int ("the offender's length", icmp.offender.length, 0);
  close (fds[0]);
  close (fds[1]);
  tap_end ();
}

static void
test_neighbours (void)
{
  const uint8_t loopback[4] = { 127, 0, 0, 1 };
  char words[MSUB_NEIGHBOUR_TEXT] = "";
  struct msub_owner owner;
  tap_begin ("who is asked of what only Linux tells says that he does not know");
  tap_expect (!msub_neighbour ("no-such-interface", "127.0.0.1", words), "there is a neighbour %s", words);
  int found = msub_owner_look (loopback, 1, loopback, 1, sizeof loopback, &owner);
  tap_expect (LINUX ? found <= 0 : found == -1, "the owner of nothing is found: %d", found);
  tap_end ();
}

static void
test_errors (void)
{
  static const int errnums[] = { ECONNREFUSED, ECONNRESET, EHOSTUNREACH, ENETUNREACH, ETIMEDOUT, EACCES, ENOENT };
  static const char *const names[] = { "ECONNREFUSED", "ECONNRESET", "EHOSTUNREACH", "ENETUNREACH", "ETIMEDOUT", "EACCES", "ENOENT" };
  char buf[16];
  tap_begin ("errors have their names everywhere");
  for (size_t i = 0; i < TAP_COUNT (errnums); i++)
    {
      const char *name = msub_errno_name (errnums[i], buf);
      tap_expect (strcmp (name, names[i]) == 0, "%s is called %s", names[i], name);
    }
  tap_end ();
}

/* Where IPv6 can hear IPv4, the address is told as IPv4's.  */
static void
test_coming_in (const char *host, const char *remote)
{
  tap_begin ("a connection to %s: its ends are told, none is inherited, and ours is known as ours", host);
  struct msub_address local;
  int listener = msub_net_listen (host, 0, &local);
  if (listener < 0 && strchr (host, ':'))
    {
      tap_end ();
      return;
    }
  struct msub_address target = { .length = sizeof (struct sockaddr_in) };
  if (strchr (remote, ':'))
    target = local;
  else
    {
      struct sockaddr_in in = { .sin_family = AF_INET, .sin_addr.s_addr = htonl (INADDR_LOOPBACK) };
      in.sin_port = local.sockaddr.ss_family == AF_INET ? ((struct sockaddr_in *) &local.sockaddr)->sin_port
                                                        : ((struct sockaddr_in6 *) &local.sockaddr)->sin6_port;
      memcpy (&target.sockaddr, &in, sizeof in);
    }
  int client = socket (target.sockaddr.ss_family, SOCK_STREAM, 0);
  tap_expect (listener >= 0 && client >= 0, "no sockets");
  tap_expect (msub_net_accept (listener) < 0 && errno == EAGAIN, "a connection that is none");
  tap_expect_int ("connect", connect (client, (struct sockaddr *) &target.sockaddr, target.length), 0);
  int fd = msub_net_accept (listener);
  tap_expect (fd >= 0 && fcntl (fd, F_GETFL) & O_NONBLOCK && fcntl (fd, F_GETFD) & FD_CLOEXEC, "it blocks or is inherited");
  struct msub_net_ends ends;
  tap_expect_int ("ends", msub_net_ends (fd, &ends), 0);
  msub_address_name (&ends.remote);
  tap_expect_text ("its other end", ends.remote.text, remote);
  tap_expect (ends.remote.sockaddr.ss_family == target.sockaddr.ss_family, "another family");
  tap_expect_int ("what was called before", (int) ends.original.length, 0);
  tap_expect (msub_net_own_socket ((struct sockaddr *) &ends.remote.sockaddr), "the client is ours, and not known as that");
  close (client);
  tap_expect (!msub_net_own_socket ((struct sockaddr *) &ends.remote.sockaddr), "the client has gone, and is ours");
  close (fd);
  close (listener);
  tap_end ();
}

int
main (void)
{
  test_clock ();
  test_descriptors ();
  test_refused ();
  test_nothing_without_end ();
  test_acknowledged ();
  test_coming_in ("127.0.0.1", "127.0.0.1");
  test_coming_in ("::1", "::1");
  test_coming_in ("::", "127.0.0.1");
  test_neighbours ();
  test_errors ();
  return tap_done ();
}
