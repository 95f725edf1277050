/* net.c --- time, waiting, and a connection that can be read and written with a deadline.

   Floor 1.  The one file with system-specific socket code; everything Linux-only is behind #ifdef __linux__.
   SPDX-License-Identifier: GPL-3.0-or-later  */

#define _GNU_SOURCE
#include "net.h"
#include "thread.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>
#ifdef __linux__
#include <linux/sockios.h>
#endif

/* Time and waiting */

msub_time
msub_now (void)
{
  struct timespec now;
  clock_gettime (CLOCK_MONOTONIC, &now);
  return (msub_time) now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

msub_time
msub_now_with_sleep (void)
{
#ifdef CLOCK_BOOTTIME
  const clockid_t clock = CLOCK_BOOTTIME;
#else
  const clockid_t clock = CLOCK_MONOTONIC;
#endif
  struct timespec now;
  clock_gettime (clock, &now);
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

/* Errands: a thread of its own for each, and what it works on belongs to both until one of them leaves */

struct errand
{
  struct msub_errand *it; /* NULL: the asker has it back */
  atomic_int owners;
  atomic_bool done;
  int notice[2]; /* a pipe: the thread writes an octet when it is done */
};

static void
leave (struct errand *errand)
{
  if (atomic_fetch_sub (&errand->owners, 1) > 1)
    return;
  for (int i = 0; i < 2; i++)
    if (errand->notice[i] >= 0)
      close (errand->notice[i]);
  if (errand->it)
    errand->it->dispose (errand->it);
  free (errand);
}

static void
run_errand (void *arg)
{
  struct errand *errand = arg;
  errand->it->work (errand->it);
  atomic_store (&errand->done, true);
  while (write (errand->notice[1], "", 1) < 0 && errno == EINTR)
    ;
  leave (errand);
}

static int
await (struct errand *errand, const struct msub_context *context, msub_time deadline, struct msub_error *err)
{
  while (!atomic_load (&errand->done))
    {
      struct pollfd fds[2] = { { 0 }, { .fd = errand->notice[0], .events = POLLIN } };
      int ready = msub_net_poll (context, fds, 2, deadline, err);
      if (ready == 0)
        errand->it->late (errand->it, err);
      if (ready <= 0)
        return -1;
    }
  return 0;
}

int
msub_net_errand (const struct msub_context *context, struct msub_errand *it, msub_time deadline, struct msub_error *err)
{
  struct errand *errand = calloc (1, sizeof *errand);
  if (!errand)
    {
      it->dispose (it);
      return msub_fail (err, MSUB_INTERNAL, "Out of memory");
    }
  *errand = (struct errand) { .it = it, .owners = 2, .notice = { -1, -1 } };
  int failed = msub_net_pipe (errand->notice) ? errno : msub_thread_start (run_errand, errand);
  if (failed)
    {
      atomic_store (&errand->owners, 1);
      leave (errand);
      return msub_fail_errno (err, MSUB_INTERNAL, failed, "No thread can be started");
    }
  failed = await (errand, context, deadline, err);
  if (!failed)
    errand->it = NULL;
  leave (errand);
  return failed;
}

/* Files.  The disk may be another machine's, which is away.  */

msub_time
msub_net_file_deadline (int step_msecs)
{
  int msecs = MSUB_FILE_SECONDS * 1000;
  return msub_now () + MSUB_MSECS (step_msecs > 0 && step_msecs < msecs ? step_msecs : msecs);
}

struct reading
{
  struct msub_errand errand;
  int fd, errnum;
  ssize_t got;
  size_t size;
  char octets[];
};

static void
read_piece (struct msub_errand *errand)
{
  struct reading *reading = (struct reading *) errand;
  do
    reading->got = read (reading->fd, reading->octets, reading->size);
  while (reading->got < 0 && errno == EINTR);
  reading->errnum = errno;
}

static void
reading_late (struct msub_errand *errand, struct msub_error *err)
{
  (void) errand;
  msub_fail (err, MSUB_TIMEOUT, "The message's file could not be read in time: is the disk it is on away? It was not sent");
}

static void
reading_dispose (struct msub_errand *errand)
{
  close (((struct reading *) errand)->fd);
  free (errand);
}

/* What needs no waiting.  -1: it may; then read it apart.  */
static ssize_t
read_cached (int fd, void *buf, size_t n)
{
#ifdef RWF_NOWAIT
  struct iovec piece = { .iov_base = buf, .iov_len = n };
  return preadv2 (fd, &piece, 1, -1, RWF_NOWAIT);
#else
  (void) fd, (void) buf, (void) n;
  return -1;
#endif
}

ssize_t
msub_net_read_file (const struct msub_context *context, int fd, void *buf, size_t n, msub_time deadline,
                    struct msub_error *err)
{
  if (msub_net_cancelled (context, err))
    return -1;
  ssize_t got = read_cached (fd, buf, n);
  if (got >= 0)
    return got;
  struct reading *reading = malloc (sizeof *reading + n);
  /* Of its own, because the caller may close its one while the thread has not begun.  */
  int own = reading ? fcntl (fd, F_DUPFD_CLOEXEC, 3) : -1;
  if (own < 0)
    {
      free (reading);
      return msub_fail (err, MSUB_INTERNAL, "Out of memory or of descriptors");
    }
  *reading = (struct reading) { .errand = { read_piece, reading_late, reading_dispose }, .fd = own, .size = n };
  if (msub_net_errand (context, &reading->errand, deadline, err))
    return -1;
  got = reading->got;
  if (got >= 0)
    memcpy (buf, reading->octets, (size_t) got);
  else
    msub_fail_errno (err, MSUB_MESSAGE, reading->errnum, "The message cannot be read to its end; it was not sent");
  reading_dispose (&reading->errand);
  return got;
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
msub_net_blocking (int fd)
{
  int flags = fcntl (fd, F_GETFL);
  return flags < 0 ? -1 : fcntl (fd, F_SETFL, flags & ~O_NONBLOCK);
}

#ifndef SOCK_CLOEXEC
/* The COUNT descriptors of FDS, which have just been made and took MADE to be so.  */
static int
tame (int made, int *fds, int count)
{
  for (int i = 0; made >= 0 && i < count; i++)
    if (msub_net_nonblocking_cloexec (fds[i]))
      {
        int saved = errno;
        for (int j = 0; j < count; j++)
          {
            close (fds[j]);
            fds[j] = -1;
          }
        errno = saved;
        return -1;
      }
  return made;
}
#endif

int
msub_net_pipe (int fds_r[2])
{
#ifdef SOCK_CLOEXEC
  return pipe2 (fds_r, O_CLOEXEC | O_NONBLOCK);
#else
  return tame (pipe (fds_r), fds_r, 2);
#endif
}

int
msub_net_socket_pair (int fds_r[2])
{
#ifdef SOCK_CLOEXEC
  return socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds_r);
#else
  return tame (socketpair (AF_UNIX, SOCK_STREAM, 0, fds_r), fds_r, 2);
#endif
}

static int
new_socket (int family, int type)
{
#ifdef SOCK_CLOEXEC
  return socket (family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
#else
  int fd = socket (family, type, 0);
  tame (fd, &fd, 1);
  return fd;
#endif
}

/* A connection that died while the machine slept, or with the network, would be waited for as long as a server may think:
   ask whether the other end is still there.  What it does not acknowledge is given up somewhat later than a block is
   (RFC 5321 section 4.5.3.2.5).  */
static void
keep_alive (int fd)
{
  const int on = 1;
  setsockopt (fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
#ifdef __linux__
  const int idle_seconds = 30, interval_seconds = 15, give_up_msecs = 200000;
  setsockopt (fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle_seconds, sizeof idle_seconds);
  setsockopt (fd, IPPROTO_TCP, TCP_KEEPINTVL, &interval_seconds, sizeof interval_seconds);
  setsockopt (fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &give_up_msecs, sizeof give_up_msecs);
#endif
}

int
msub_net_socket (int family)
{
  int fd = new_socket (family, SOCK_STREAM);
  if (fd < 0)
    return -1;
  int on = 1;
  if (family != AF_UNIX)
    {
      setsockopt (fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
      keep_alive (fd);
    }
#ifdef SO_NOSIGPIPE
  setsockopt (fd, SOL_SOCKET, SO_NOSIGPIPE, &on, sizeof on);
#endif
  return fd;
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
  if (a->sa_family != AF_INET6)
    return false;
  /* Every link has its own fe80::1.  */
  const struct sockaddr_in6 *a6 = (const struct sockaddr_in6 *) a, *b6 = (const struct sockaddr_in6 *) b;
  return memcmp (&a6->sin6_addr, &b6->sin6_addr, sizeof a6->sin6_addr) == 0
         && (!IN6_IS_ADDR_LINKLOCAL (&a6->sin6_addr) || a6->sin6_scope_id == b6->sin6_scope_id);
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
  int fd = new_socket (info->ai_family, SOCK_DGRAM);
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
  ssize_t put = send (c->fd, buf, n, MSG_NOSIGNAL);
  if (put > 0)
    c->sent += (uint64_t) put;
  return put;
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
  /* What a tunnel still holds of a message that is cut must not come out at its far end.  */
  if ((*c)->companion)
    (*c)->companion_end ((*c)->companion, (*c)->cut || (*c)->context->cancelled ((*c)->context->job));
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

int
msub_connection_late (const struct msub_connection *c, const char *what, struct msub_error *err)
{
  if (c->patience_msecs <= 0)
    return msub_fail (err, MSUB_TIMEOUT, "%s did not %s in time", c->peer.text, what);
  return msub_fail (err, MSUB_TIMEOUT, "%s did not %s in %g s", c->peer.text, what, c->patience_msecs / 1000.0);
}

/* As send_all, but what is given up is not marked so.  While the peer's window is shut, take what it says: a server that
   answers a long flight must not wait for us while we wait for it (RFC 2920 section 3.1).  HEED: stop as soon as it says
   something.  Returns as msub_connection_stream.  */
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
        return msub_connection_late (c, "take what was sent", err);
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

int
msub_connection_flush_but (struct msub_connection *c, size_t rest, msub_time deadline, struct msub_error *err)
{
  size_t first = c->out_length - rest;
  int sent = send_all (c, c->out, first, deadline, 0, false, err);
  memmove (c->out, c->out + first, rest);
  c->out_length = sent < 0 ? 0 : rest;
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
        return msub_connection_late (c, "answer", err);
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

uint64_t
msub_connection_acknowledged (const struct msub_connection *c)
{
  return c->sent - msub_connection_unacknowledged (c);
}

/* Nothing wakes us when an acknowledgement comes: look, a little less often each time.  */
int
msub_connection_settle (struct msub_connection *c, bool heed, msub_time block_usecs, struct msub_error *err)
{
  msub_time deadline = msub_now () + block_usecs, pause = MSUB_MSECS (1);
  size_t before = msub_connection_unacknowledged (c), waiting;
  for (; (waiting = msub_connection_unacknowledged (c)) > 0; pause += pause < MSUB_TICK / 4 ? pause / 2 : 0)
    {
      if (heed && msub_connection_unread (c))
        return 0;
      if (waiting < before)
        deadline = msub_now () + block_usecs;
      before = waiting;
      msub_time now = msub_now ();
      if (now >= deadline)
        return msub_connection_late (c, "acknowledge what was sent", err);
      struct pollfd fds[2] = { { 0 }, { .fd = c->fd, .events = heed && !c->ended ? POLLIN : 0 } };
      int ready = msub_net_poll (c->context, fds, 2, now + pause < deadline ? now + pause : deadline, err);
      if (ready < 0)
        return -1;
      if (fds[1].revents & (POLLERR | POLLHUP))
        return 1; /* it is broken: whatever is written next will say how */
      if (c->tick)
        c->tick (c->tick_data);
    }
  return 1;
}
