/* net.c --- time, waiting, and a connection that can be read and written with a deadline.

   Floor 1.  The one file with system-specific socket code; everything Linux-only is behind #ifdef __linux__.
   SPDX-License-Identifier: GPL-3.0-or-later  */

#define _GNU_SOURCE
#include "net.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>
#ifdef __linux__
#include <linux/sockios.h>
#endif

#ifndef MSG_NOSIGNAL /* macOS: SO_NOSIGPIPE is set instead */
#define MSG_NOSIGNAL 0
#endif

/* Time and waiting */

msub_time
msub_now (void)
{
  struct timespec now;
  clock_gettime (CLOCK_MONOTONIC, &now);
  return (msub_time) now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

double
msub_msecs_since (msub_time start)
{
  return (double) (msub_now () - start) / 1000.0;
}

int
msub_net_cancelled (const struct msub_context *context, struct msub_error *err)
{
  return context->cancelled (context->job) ? msub_fail (err, MSUB_CANCELLED, "Cancelled") : 0;
}

static void
drain_wake (int fd)
{
  char octets[64];
  while (read (fd, octets, sizeof octets) == sizeof octets)
    ;
}

/* poll() takes milliseconds: round up, or the last fraction of one would be spent spinning.  */
int
msub_msecs_until (msub_time deadline)
{
  msub_time left = deadline - msub_now ();
  if (left <= 0)
    return 0;
  left = (left + 999) / 1000;
  return left > 3600000 ? 3600000 : (int) left;
}

/* As msub_net_poll, but returns at once when woken: the number ready, not counting the wake descriptor.  */
static int
poll_once (const struct msub_context *context, struct pollfd *fds, nfds_t count, msub_time deadline, bool *woken_r,
           struct msub_error *err)
{
  fds[0] = (struct pollfd) { .fd = context->wake_fd, .events = POLLIN };
  *woken_r = false;
  int ready = poll (fds, count, msub_msecs_until (deadline));
  if (ready < 0 && errno != EINTR && errno != EAGAIN)
    return msub_fail_errno (err, MSUB_INTERNAL, errno, "Waiting failed");
  if (ready <= 0)
    return 0;
  if (fds[0].revents == 0)
    return ready;
  *woken_r = true;
  /* Several threads of a job may wait: the octet of a cancel is for all of them.  */
  if (!context->cancelled (context->job))
    drain_wake (context->wake_fd);
  return ready - 1;
}

int
msub_net_poll (const struct msub_context *context, struct pollfd *fds, nfds_t count, msub_time deadline,
               struct msub_error *err)
{
  for (;;)
    {
      if (msub_net_cancelled (context, err))
        return -1;
      bool woken;
      int ready = poll_once (context, fds, count, deadline, &woken, err);
      if (ready < 0 || msub_net_cancelled (context, err))
        return -1;
      if (ready > 0)
        return ready;
      if (msub_now () >= deadline)
        return 0;
    }
}

int
msub_net_ask (const struct msub_context *context, struct msub_event *event, msub_time deadline,
              struct msub_answer *answer_r, struct msub_error *err)
{
  *answer_r = (struct msub_answer) { 0 };
  if (!event)
    return msub_fail (err, MSUB_INTERNAL, "Out of memory");
  msub_emit (context, event);
  for (;;)
    {
      if (msub_net_cancelled (context, err))
        return -1;
      if (context->take_answer (context->job, answer_r))
        return 0;
      if (msub_now () >= deadline)
        return msub_fail (err, MSUB_TIMEOUT, "A question to the user was not answered in time");
      struct pollfd wake[1];
      bool woken;
      if (poll_once (context, wake, 1, deadline, &woken, err) < 0)
        return -1;
    }
}

/* Addresses */

void
msub_address_port (struct msub_address *address, uint16_t port)
{
  if (address->sockaddr.ss_family == AF_INET6)
    ((struct sockaddr_in6 *) &address->sockaddr)->sin6_port = htons (port);
  else
    ((struct sockaddr_in *) &address->sockaddr)->sin_port = htons (port);
}

uint16_t
msub_address_get_port (const struct msub_address *address)
{
  return ntohs (address->sockaddr.ss_family == AF_INET6
                  ? ((const struct sockaddr_in6 *) &address->sockaddr)->sin6_port
                  : ((const struct sockaddr_in *) &address->sockaddr)->sin_port);
}

void
msub_address_name (struct msub_address *address)
{
  address->text[0] = '\0';
  if (address->sockaddr.ss_family == AF_INET6)
    {
      const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *) &address->sockaddr;
      inet_ntop (AF_INET6, &in6->sin6_addr, address->text, sizeof address->text);
      char scope[IF_NAMESIZE];
      if (in6->sin6_scope_id && if_indextoname (in6->sin6_scope_id, scope))
        {
          size_t length = strlen (address->text);
          snprintf (address->text + length, sizeof address->text - length, "%%%s", scope);
        }
    }
  else
    inet_ntop (AF_INET, &((const struct sockaddr_in *) &address->sockaddr)->sin_addr, address->text,
               sizeof address->text);
}

bool
msub_address_equal (const struct sockaddr *a, const struct sockaddr *b)
{
  if (a->sa_family != b->sa_family)
    return false;
  if (a->sa_family == AF_INET)
    return ((const struct sockaddr_in *) a)->sin_addr.s_addr == ((const struct sockaddr_in *) b)->sin_addr.s_addr;
  return a->sa_family == AF_INET6
         && memcmp (&((const struct sockaddr_in6 *) a)->sin6_addr, &((const struct sockaddr_in6 *) b)->sin6_addr,
                    sizeof (struct in6_addr)) == 0;
}

bool
msub_address_loopback (const struct sockaddr *address)
{
  if (address->sa_family == AF_INET)
    return ntohl (((const struct sockaddr_in *) address)->sin_addr.s_addr) >> 24 == 127;
  if (address->sa_family != AF_INET6)
    return false;
  const struct in6_addr *in6 = &((const struct sockaddr_in6 *) address)->sin6_addr;
  return IN6_IS_ADDR_LOOPBACK (in6) || (IN6_IS_ADDR_V4MAPPED (in6) && in6->s6_addr[12] == 127);
}

bool
msub_address_own (const struct sockaddr *address)
{
  if (msub_address_loopback (address))
    return true;
  struct ifaddrs *list;
  if (getifaddrs (&list))
    return false;
  bool own = false;
  for (const struct ifaddrs *i = list; i && !own; i = i->ifa_next)
    own = i->ifa_addr && msub_address_equal (i->ifa_addr, address);
  freeifaddrs (list);
  return own;
}

int
msub_address_source (const char *address, struct msub_address *source_r)
{
  struct addrinfo hints = { .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV, .ai_socktype = SOCK_DGRAM }, *info;
  if (getaddrinfo (address, "9", &hints, &info))
    {
      errno = EINVAL;
      return -1;
    }
  /* Connecting a datagram socket chooses a route and sends nothing.  */
  int fd = socket (info->ai_family, SOCK_DGRAM, 0);
  *source_r = (struct msub_address) { .length = sizeof source_r->sockaddr };
  bool found = fd >= 0 && connect (fd, info->ai_addr, info->ai_addrlen) == 0
               && getsockname (fd, (struct sockaddr *) &source_r->sockaddr, &source_r->length) == 0;
  int saved = errno;
  if (fd >= 0)
    close (fd);
  freeaddrinfo (info);
  if (found)
    msub_address_name (source_r);
  errno = saved;
  return found ? 0 : -1;
}

/* Sockets */

int
msub_net_nonblocking_cloexec (int fd)
{
  int flags = fcntl (fd, F_GETFL);
  if (flags < 0 || fcntl (fd, F_SETFL, flags | O_NONBLOCK) < 0)
    return -1;
  return fcntl (fd, F_SETFD, FD_CLOEXEC);
}

int
msub_net_socket (int family)
{
#ifdef SOCK_CLOEXEC
  int fd = socket (family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
#else
  int fd = socket (family, SOCK_STREAM, 0);
  if (fd >= 0 && msub_net_nonblocking_cloexec (fd) < 0)
    {
      int saved = errno;
      close (fd);
      errno = saved;
      return -1;
    }
#endif
  if (fd < 0)
    return -1;
  int on = 1;
  setsockopt (fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
#ifdef SO_NOSIGPIPE
  setsockopt (fd, SOL_SOCKET, SO_NOSIGPIPE, &on, sizeof on);
#endif
  return fd;
}

/* The connection over plain TCP */

static ssize_t
io_failed (int errnum, ssize_t want, const char *doing, struct msub_error *err)
{
  if (errnum == EAGAIN || errnum == EWOULDBLOCK || errnum == EINTR)
    return want;
  msub_fail_errno (err, MSUB_LOST, errnum, "The connection broke while %s", doing);
  return MSUB_IO_FAILED;
}

ssize_t
msub_connection_raw_recv (struct msub_connection *c, void *buf, size_t n)
{
  ssize_t got = recv (c->fd, buf, n, 0);
  if (got > 0)
    {
      c->received += (uint64_t) got;
#ifdef TCP_QUICKACK
      /* The kernel forgets this after a while; an acknowledgement held back costs the peer 40 ms.  */
      int on = 1;
      setsockopt (c->fd, IPPROTO_TCP, TCP_QUICKACK, &on, sizeof on);
#endif
    }
  return got;
}

ssize_t
msub_connection_raw_send (struct msub_connection *c, const void *buf, size_t n)
{
  return send (c->fd, buf, n, MSG_NOSIGNAL);
}

static ssize_t
plain_recv (struct msub_connection *c, void *buf, size_t n, struct msub_error *err)
{
  ssize_t got = msub_connection_raw_recv (c, buf, n);
  return got >= 0 ? got : io_failed (errno, MSUB_IO_READ, "reading", err);
}

static ssize_t
plain_send (struct msub_connection *c, const void *buf, size_t n, struct msub_error *err)
{
  ssize_t put = msub_connection_raw_send (c, buf, n);
  return put >= 0 ? put : io_failed (errno, MSUB_IO_WRITE, "writing", err);
}

static bool
plain_pending (struct msub_connection *c)
{
  (void) c;
  return false;
}

static void
plain_bye (struct msub_connection *c)
{
  shutdown (c->fd, SHUT_WR);
}

static void
plain_free (void *state)
{
  (void) state;
}

static const struct msub_transport plain = { plain_recv, plain_send, plain_pending, plain_bye, plain_free };

struct msub_connection *
msub_connection_new (const struct msub_context *context, int fd, const struct msub_address *peer, uint16_t port)
{
  struct msub_connection *c = calloc (1, sizeof *c);
  if (!c)
    {
      close (fd);
      return NULL;
    }
  c->context = context;
  c->fd = fd;
  c->peer = *peer;
  c->port = port;
  c->transport = &plain;
  return c;
}

/* Have the system forget what it has not sent.  GnuTLS holds a record that did not go out whole, and sends it with whatever
   comes next, a goodbye too: the end of a message among it, after the user was told that it was not sent.  */
static void
cut (struct msub_connection *c)
{
  const struct linger at_once = { .l_onoff = 1, .l_linger = 0 };
  setsockopt (c->fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
}

void
msub_connection_free (struct msub_connection **c)
{
  if (!*c)
    return;
  if ((*c)->cut)
    cut (*c);
  else
    (*c)->transport->bye (*c);
  (*c)->transport->free ((*c)->state);
  close ((*c)->fd);
  msub_wipe ((*c)->out, (*c)->out_size);
  free ((*c)->out);
  msub_wipe ((*c)->in, sizeof (*c)->in);
  free (*c);
  *c = NULL;
}

struct msub_called
msub_connection_called (const struct msub_connection *c, const char *name)
{
  struct msub_called called;
  bool same = strcmp (name, c->peer.text) == 0;
  snprintf (called.text, sizeof called.text, same ? "%.255s" : "%.255s (%s)", name, c->peer.text);
  return called;
}

void
msub_connection_transport (struct msub_connection *c, const struct msub_transport *transport, void *state)
{
  c->transport->free (c->state);
  c->transport = transport;
  c->state = state;
}

int
msub_connection_put (struct msub_connection *c, const char *octets, size_t n, struct msub_error *err)
{
  if (n > c->out_size - c->out_length)
    {
      size_t size = c->out_length + n + MSUB_CONNECTION_OUT;
      /* Not realloc: it could leave a copy of credentials behind.  */
      char *grown = malloc (size);
      if (!grown)
        return msub_fail (err, MSUB_INTERNAL, "Out of memory");
      if (c->out_length)
        memcpy (grown, c->out, c->out_length);
      msub_wipe (c->out, c->out_length);
      free (c->out);
      c->out = grown;
      c->out_size = size;
    }
  memcpy (c->out + c->out_length, octets, n);
  c->out_length += n;
  return 0;
}

/* Room for more input?  */
static bool
receivable (const struct msub_connection *c)
{
  return !c->ended && c->in_end - c->in_start < sizeof c->in;
}

/* Take what the peer has sent, without waiting.  Returns as msub_transport.recv.  */
static ssize_t
receive (struct msub_connection *c, struct msub_error *err)
{
  if (c->in_start > 0)
    {
      memmove (c->in, c->in + c->in_start, c->in_end - c->in_start);
      c->in_end -= c->in_start;
      c->in_start = 0;
    }
  ssize_t got = c->transport->recv (c, c->in + c->in_end, sizeof c->in - c->in_end, err);
  if (got > 0)
    c->in_end += (size_t) got;
  else if (got == 0)
    c->ended = true;
  return got;
}

static struct pollfd
poll_for (const struct msub_connection *c, ssize_t want)
{
  short events = want == MSUB_IO_WRITE ? POLLOUT : POLLIN;
  return (struct pollfd) { .fd = c->fd, .events = events };
}

/* Poll FDS, two of them, the connection's second.  Who has asked for it is called now and then meanwhile.  */
static int
poll_ticking (struct msub_connection *c, struct pollfd *fds, msub_time deadline, struct msub_error *err)
{
  for (;;)
    {
      msub_time tick = msub_now () + MSUB_TICK;
      bool ticks = c->tick && tick < deadline;
      int ready = msub_net_poll (c->context, fds, 2, ticks ? tick : deadline, err);
      if (ready != 0 || !ticks)
        return ready;
      c->tick (c->tick_data);
    }
}

/* As send_all, but what is given up is not marked so.  While the peer's window is shut, take what it says: a server that answers a long flight
   must not wait for us while we wait for it (RFC 2920 section 3.1).  HEED: stop as soon as it says something.  */
static int
send_pieces (struct msub_connection *c, const char *buf, size_t n, msub_time deadline, msub_time block_usecs, bool heed,
             struct msub_error *err)
{
  size_t sent = 0;
  while (sent < n)
    {
      if (heed && msub_connection_unread (c))
        return 0;
      ssize_t put = c->transport->send (c, buf + sent, n - sent, err);
      if (put > 0)
        {
          sent += (size_t) put;
          if (block_usecs)
            deadline = msub_now () + block_usecs;
          if (sent < n && msub_net_cancelled (c->context, err))
            return -1;
          continue;
        }
      if (put == MSUB_IO_FAILED)
        return -1;
      struct pollfd fds[2] = { { 0 }, poll_for (c, put) };
      if (receivable (c))
        fds[1].events |= POLLIN;
      int ready = poll_ticking (c, fds, deadline, err);
      if (ready < 0)
        return -1;
      if (ready == 0)
        return msub_fail (err, MSUB_TIMEOUT, "%s port did not take what was sent in time", c->peer.text);
      if ((fds[1].revents & POLLIN) && receivable (c) && receive (c, err) == MSUB_IO_FAILED)
        return -1;
    }
  return 1;
}

/* Send BUF[0..N).  Returns as msub_connection_stream.  */
static int
send_all (struct msub_connection *c, const char *buf, size_t n, msub_time deadline, msub_time block_usecs, bool heed,
          struct msub_error *err)
{
  int result = send_pieces (c, buf, n, deadline, block_usecs, heed, err);
  if (result <= 0)
    c->cut = true;
  return result;
}

int
msub_connection_flush (struct msub_connection *c, msub_time deadline, struct msub_error *err)
{
  int sent = c->out_length ? send_all (c, c->out, c->out_length, deadline, 0, false, err) : 1;
  if (c->secret)
    msub_wipe (c->out, c->out_length);
  c->secret = false;
  c->out_length = 0;
  return sent < 0 ? -1 : 0;
}

void
msub_connection_flush_try (struct msub_connection *c)
{
  struct msub_error ignored = { 0 };
  if (c->out_length && !c->cut)
    c->transport->send (c, c->out, c->out_length, &ignored);
  c->out_length = 0;
}

int
msub_connection_stream (struct msub_connection *c, const char *buf, size_t n, msub_time block_usecs,
                        struct msub_error *err)
{
  return send_all (c, buf, n, msub_now () + block_usecs, block_usecs, true, err);
}

ssize_t
msub_connection_fill (struct msub_connection *c, msub_time deadline, struct msub_error *err)
{
  while (c->in_end == c->in_start)
    {
      if (c->ended)
        return 0;
      ssize_t got = receive (c, err);
      if (got == 0)
        return 0;
      if (got == MSUB_IO_FAILED)
        return -1;
      if (got > 0)
        break;
      struct pollfd fds[2] = { { 0 }, poll_for (c, got) };
      int ready = poll_ticking (c, fds, deadline, err);
      if (ready < 0)
        return -1;
      if (ready == 0)
        return msub_fail (err, MSUB_TIMEOUT, "%s did not answer in time", c->peer.text);
    }
  if (msub_net_cancelled (c->context, err))
    return -1;
  return (ssize_t) (c->in_end - c->in_start);
}

bool
msub_connection_unread (struct msub_connection *c)
{
  if (c->in_end > c->in_start)
    return true;
  if (c->ended)
    return false;
  struct pollfd fd = { .fd = c->fd, .events = POLLIN };
  if (!c->transport->pending (c) && poll (&fd, 1, 0) <= 0)
    return false;
  struct msub_error ignored = { 0 };
  return receive (c, &ignored) > 0;
}

size_t
msub_connection_unacknowledged (const struct msub_connection *c)
{
#ifdef SIOCOUTQ
  int n = 0;
  if (ioctl (c->fd, SIOCOUTQ, &n) == 0 && n > 0)
    return (size_t) n;
#else
  (void) c;
#endif
  return 0;
}
