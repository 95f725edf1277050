/* net.c --- what systems have each in their own way: clocks, descriptors, sockets, addresses, ICMP.

   Floor 1.  The one file with system-specific code about the sockets of mail; everything Linux-only is behind #ifdef
   __linux__, and what a system may lack behind its name.  (neighbour.c and owner.c put questions to Linux's kernel.)
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
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>
#ifdef __linux__
#include <linux/errqueue.h>
#include <linux/netfilter_ipv4.h>
#include <linux/sockios.h>
#include <linux/tcp.h>
#include <linux/version.h>
#include <sys/utsname.h>
#if LINUX_VERSION_CODE >= KERNEL_VERSION (5, 4, 0)
#define TELLS_GAPS
#endif
#else
#include <netinet/tcp.h>
#endif

/* What some systems have, and `make PORTABLE=yes' does without.  */
#ifdef MSUB_PORTABLE
#undef CLOCK_BOOTTIME
#undef RWF_NOWAIT
#undef SIOCOUTQ
#undef SOCK_CLOEXEC
#undef TCP_QUICKACK
#undef TELLS_GAPS
#endif

/* Time */

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

void
msub_sleep (unsigned msecs)
{
  struct timespec period = { .tv_sec = (time_t) (msecs / 1000), .tv_nsec = (long) (msecs % 1000) * 1000000L };
#ifdef __linux__
  clock_nanosleep (CLOCK_BOOTTIME, 0, &period, NULL); /* a suspended machine counts, too */
#else
  nanosleep (&period, NULL);
#endif
}

double
msub_msecs_since (msub_time start)
{
  return (double) (msub_now () - start) / 1000.0;
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

static void
prepare (int fd, int family)
{
  int on = 1;
  if (family != AF_UNIX)
    {
      setsockopt (fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
      keep_alive (fd);
    }
#ifdef SO_NOSIGPIPE
  setsockopt (fd, SOL_SOCKET, SO_NOSIGPIPE, &on, sizeof on);
#endif
}

/* A VPN or a DSL line may take shorter packets than this machine's own network does, and tell nobody of it (RFC 2923 section
   2.1): have those of FD, both ways, be of the length that every way of IPv6 has to take (RFC 8200 section 5), where 60 octets
   are headers.  */
static void
shorten_packets (int fd)
{
  const int octets = 1280 - 60;
  setsockopt (fd, IPPROTO_TCP, TCP_MAXSEG, &octets, sizeof octets);
}

int
msub_net_socket (int family)
{
  int fd = new_socket (family, SOCK_STREAM);
  if (fd >= 0)
    prepare (fd, family);
  if (fd >= 0 && family != AF_UNIX)
    shorten_packets (fd);
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

/* Connections that come in */

int
msub_net_listen (const char *host, uint16_t port, struct msub_address *local_r)
{
  struct addrinfo hints = { .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE, .ai_socktype = SOCK_STREAM }, *info;
  char service[8];
  snprintf (service, sizeof service, "%u", port);
  if (getaddrinfo (host, service, &hints, &info))
    {
      errno = EINVAL;
      return -1;
    }
  *local_r = (struct msub_address) { .length = sizeof local_r->sockaddr };
  const int on = 1, backlog = 128;
  int fd = new_socket (info->ai_family, SOCK_STREAM);
  bool listens = fd >= 0 && setsockopt (fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0
                 && bind (fd, info->ai_addr, info->ai_addrlen) == 0 && listen (fd, backlog) == 0
                 && getsockname (fd, (struct sockaddr *) &local_r->sockaddr, &local_r->length) == 0;
  int saved = errno;
  freeaddrinfo (info);
  if (!listens && fd >= 0)
    {
      close (fd);
      fd = -1;
    }
  if (listens)
    msub_address_name (local_r);
  errno = saved;
  return fd;
}

int
msub_net_accept (int listener)
{
#ifdef SOCK_CLOEXEC
  /* cppcheck-suppress nullPointer ; nobody asks for the address */
  int fd = accept4 (listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
#else
  int fd = accept (listener, NULL, NULL);
  tame (fd, &fd, 1);
#endif
  if (fd >= 0)
    prepare (fd, AF_INET);
  return fd;
}

uint16_t
msub_address_port_of (const struct sockaddr *address)
{
  return ntohs (address->sa_family == AF_INET6 ? ((const struct sockaddr_in6 *) address)->sin6_port
                                               : ((const struct sockaddr_in *) address)->sin_port);
}

static bool
same_place (const struct sockaddr *a, const struct sockaddr *b)
{
  return msub_address_equal (a, b) && msub_address_port_of (a) == msub_address_port_of (b);
}

/* An IPv4 address that a socket of IPv6 has as ::ffff:192.0.2.1, as what it is.  */
static void
unmap (struct msub_address *address)
{
  const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *) &address->sockaddr;
  if (in6->sin6_family != AF_INET6 || !IN6_IS_ADDR_V4MAPPED (&in6->sin6_addr))
    return;
  struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = in6->sin6_port };
  memcpy (&in.sin_addr, in6->sin6_addr.s6_addr + 12, sizeof in.sin_addr);
  address->sockaddr = (struct sockaddr_storage) { 0 };
  memcpy (&address->sockaddr, &in, sizeof in);
  address->length = sizeof in;
}

/* netfilter's table of connections.  Of one that no rule has turned it says what is known already.  */
static void
ask_original (int fd, const struct msub_address *local, struct msub_address *original_r)
{
  *original_r = (struct msub_address) { 0 };
#ifdef __linux__
  socklen_t length = sizeof original_r->sockaddr;
  int level = local->sockaddr.ss_family == AF_INET6 ? IPPROTO_IPV6 : IPPROTO_IP;
  /* IPv6 has the same number, in a header that does not go with the C library's.  */
  if (getsockopt (fd, level, SO_ORIGINAL_DST, &original_r->sockaddr, &length) == 0
      && !same_place ((struct sockaddr *) &original_r->sockaddr, (const struct sockaddr *) &local->sockaddr))
    original_r->length = length;
#else
  (void) fd, (void) local;
#endif
}

int
msub_net_ends (int fd, struct msub_net_ends *ends_r)
{
  ends_r->remote = (struct msub_address) { .length = sizeof ends_r->remote.sockaddr };
  ends_r->local = (struct msub_address) { .length = sizeof ends_r->local.sockaddr };
  if (getpeername (fd, (struct sockaddr *) &ends_r->remote.sockaddr, &ends_r->remote.length)
      || getsockname (fd, (struct sockaddr *) &ends_r->local.sockaddr, &ends_r->local.length))
    return -1;
  unmap (&ends_r->remote);
  unmap (&ends_r->local);
  ask_original (fd, &ends_r->local, &ends_r->original);
  return 0;
}

bool
msub_net_own_socket (const struct sockaddr *local)
{
  const long most = 65536;
  long limit = sysconf (_SC_OPEN_MAX);
  if (limit < 0 || limit > most)
    limit = most;
  for (int fd = 0; fd < limit; fd++)
    {
      struct msub_address name = { .length = sizeof name.sockaddr };
      if (getsockname (fd, (struct sockaddr *) &name.sockaddr, &name.length))
        continue;
      unmap (&name);
      if (same_place ((struct sockaddr *) &name.sockaddr, local))
        return true;
    }
  return false;
}

/* What TCP knows */

void
msub_net_acknowledge (int fd)
{
#ifdef TCP_QUICKACK
  /* The kernel forgets this after a while; an acknowledgement held back costs the peer 40 ms.  */
  int on = 1;
  setsockopt (fd, IPPROTO_TCP, TCP_QUICKACK, &on, sizeof on);
#else
  (void) fd;
#endif
}

size_t
msub_net_unacknowledged (int fd)
{
#ifdef SIOCOUTQ
  int n = 0;
  if (ioctl (fd, SIOCOUTQ, &n) == 0 && n > 0)
    return (size_t) n;
#else
  (void) fd;
#endif
  return 0;
}

unsigned
msub_net_gaps (int fd)
{
#ifdef TELLS_GAPS
  struct tcp_info info = { 0 };
  socklen_t length = sizeof info;
  /* A kernel that does not count them leaves it 0.  */
  return getsockopt (fd, IPPROTO_TCP, TCP_INFO, &info, &length) == 0 ? info.tcpi_rcv_ooopack : 0;
#else
  (void) fd;
  return 0;
#endif
}

bool
msub_net_homeless (int fd)
{
  struct msub_address own = { .length = sizeof own.sockaddr };
  struct sockaddr *address = (struct sockaddr *) &own.sockaddr;
  if (getsockname (fd, address, &own.length))
    return false;
  if (address->sa_family == AF_INET)
    ((struct sockaddr_in *) address)->sin_port = 0;
  else if (address->sa_family == AF_INET6)
    ((struct sockaddr_in6 *) address)->sin6_port = 0;
  else
    return false;
  int other = new_socket (address->sa_family, SOCK_DGRAM);
  bool lost = other >= 0 && bind (other, address, own.length) && errno == EADDRNOTAVAIL;
  if (other >= 0)
    close (other);
  return lost;
}

/* What ICMP says of a connecting socket */

bool
msub_net_tells_icmp (void)
{
#ifdef __linux__
  struct utsname name;
  int major = 0, minor = 0;
  if (uname (&name) || sscanf (name.release, "%d.%d", &major, &minor) != 2)
    return false;
  /* "tcp: allow traceroute -Mtcp for unpriv users", Linux 5.8.  */
  return major > 5 || (major == 5 && minor >= 8);
#else
  return false;
#endif
}

void
msub_net_listen_for_icmp (int fd, int family, bool on)
{
#ifdef __linux__
  int value = on;
  if (family == AF_INET6)
    setsockopt (fd, IPPROTO_IPV6, IPV6_RECVERR, &value, sizeof value);
  else
    setsockopt (fd, IPPROTO_IP, IP_RECVERR, &value, sizeof value);
#else
  (void) fd, (void) family, (void) on;
#endif
}

#ifdef __linux__
static bool
note_icmp (const struct sock_extended_err *e, struct msub_icmp *icmp)
{
  if (e->ee_origin != SO_EE_ORIGIN_ICMP && e->ee_origin != SO_EE_ORIGIN_ICMP6)
    return false;
  icmp->ipv6 = e->ee_origin == SO_EE_ORIGIN_ICMP6;
  icmp->type = e->ee_type;
  icmp->code = e->ee_code;
  const struct sockaddr *offender = SO_EE_OFFENDER (e);
  if (offender->sa_family != AF_INET && offender->sa_family != AF_INET6)
    return true;
  socklen_t length = offender->sa_family == AF_INET ? sizeof (struct sockaddr_in) : sizeof (struct sockaddr_in6);
  memcpy (&icmp->offender.sockaddr, offender, length);
  icmp->offender.length = length;
  msub_address_name (&icmp->offender);
  return true;
}
#endif

bool
msub_net_read_icmp (int fd, struct msub_icmp *icmp_r)
{
  bool any = false;
  *icmp_r = (struct msub_icmp) { 0 };
#ifdef __linux__
  for (;;)
    {
      _Alignas (struct cmsghdr) char control[512];
      struct msghdr message = { .msg_control = control, .msg_controllen = sizeof control };
      if (recvmsg (fd, &message, MSG_ERRQUEUE | MSG_DONTWAIT) < 0)
        break;
      for (struct cmsghdr *c = CMSG_FIRSTHDR (&message); c; c = CMSG_NXTHDR (&message, c))
        if ((c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_RECVERR)
            || (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_RECVERR))
          any = note_icmp ((const struct sock_extended_err *) CMSG_DATA (c), icmp_r) || any;
    }
#else
  (void) fd;
#endif
  return any;
}

/* Files */

ssize_t
msub_net_read_cached (int fd, void *buf, size_t n)
{
#ifdef RWF_NOWAIT
  struct iovec piece = { .iov_base = buf, .iov_len = n };
  return preadv2 (fd, &piece, 1, -1, RWF_NOWAIT);
#else
  (void) fd, (void) buf, (void) n;
  return -1;
#endif
}
