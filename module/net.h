/* net.h --- what systems have each in their own way: clocks, descriptors, sockets, addresses, ICMP.

   Floor 1.  Nothing waits here.
   SPDX-License-Identifier: GPL-3.0-or-later  */

#ifndef MSUB_NET_H
#define MSUB_NET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>

#ifndef MSG_NOSIGNAL /* macOS: msub_net_socket sets SO_NOSIGPIPE instead, and threads block the signal */
#define MSG_NOSIGNAL 0
#endif

/* Microseconds on the monotonic clock (SECURITY: O13).  */
typedef int64_t msub_time;
#define MSUB_MSECS(n) ((msub_time) (n) * 1000)
#define MSUB_TICK MSUB_MSECS (200)

msub_time msub_now (void);
/* The same, with the time that the machine has slept: for how old something is.  A deadline of the network goes by msub_now, for
   nothing can arrive meanwhile.  */
msub_time msub_now_with_sleep (void);
/* Sleep for MSECS of that.  Nothing wakes it.  */
void msub_sleep (unsigned msecs);
double msub_msecs_since (msub_time start);
/* What is left until DEADLINE, for poll(): never negative, which would be for ever; an hour at most.  */
int msub_msecs_until (msub_time deadline);

/* A numeric address with its text form.  */
struct msub_address
{
  struct sockaddr_storage sockaddr;
  socklen_t length;
  char text[64];  /* without brackets; IPv6 scope included */
};

void msub_address_port (struct msub_address *address, uint16_t port);
void msub_address_name (struct msub_address *address);
uint16_t msub_address_port_of (const struct sockaddr *address);
bool msub_address_equal (const struct sockaddr *a, const struct sockaddr *b);
bool msub_address_loopback (const struct sockaddr *address);
/* Is ADDRESS one of this machine's own?  */
bool msub_address_own (const struct sockaddr *address);
/* Which of this machine's addresses would packets to the numeric ADDRESS leave from?  Nothing is sent.  0, or -1 with errno:
   ENETUNREACH and the like where there is no way.  */
int msub_address_source (const char *address, struct msub_address *source_r);

/* Descriptors of ours, non-blocking.  They are made close-on-exec, since Emacs may fork at any moment: a child that
   inherited one would keep a connection open that nobody here has any more (SECURITY: O11).  0, or -1 with errno.  */
int msub_net_pipe (int fds_r[2]);
int msub_net_socket_pair (int fds_r[2]);
/* A stream socket of FAMILY, without delay, SIGPIPE and long packets, or -1 with errno.  */
int msub_net_socket (int family);

/* A socket of msub_net_socket that is connected: tell the peer at once that its octets are here ...  */
void msub_net_acknowledge (int fd);
/* ... and how many of ours the peer's TCP has not acknowledged; 0 where the system does not tell.  */
size_t msub_net_unacknowledged (int fd);
/* How often has something come before what belongs before it?  0 where the system does not tell (Linux 5.4 and later do).  */
unsigned msub_net_gaps (int fd);

/* Has this machine lost the address that the connected FD has at this end?  False where nobody knows.  */
bool msub_net_homeless (int fd);

/* A socket that listens on PORT (0: any) of HOST, a numeric address; *LOCAL_R is where.  -1 with errno.  */
int msub_net_listen (const char *host, uint16_t port, struct msub_address *local_r);
/* The next connection to LISTENER, with the properties of msub_net_socket; -1 with errno.  */
int msub_net_accept (int listener);
/* Which addresses the connection FD is between, and what was called before a rule of the system's filter led here: its length
   is 0 where none did, or the system does not tell (Linux alone does).  -1 with errno.  */
struct msub_net_ends
{
  struct msub_address remote, local, original;
};
int msub_net_ends (int fd, struct msub_net_ends *ends_r);
/* Has this process itself a socket at LOCAL, an address and port?  */
bool msub_net_own_socket (const struct sockaddr *local);

/* ICMP errors on a socket that connects.  */
struct msub_icmp
{
  bool ipv6; /* ICMPv6 */
  int type, code;
  struct msub_address offender; /* who sent it; its length is 0 where that is not known */
};

/* Does this system tell more of them than an errno?  */
bool msub_net_tells_icmp (void);
/* Have FD, of FAMILY, keep them, or (ON is false) not any more.  */
void msub_net_listen_for_icmp (int fd, int family, bool on);
/* Take those that FD has kept.  SO_ERROR is to be read before: this clears it.  Returns whether there were any; *ICMP_R is the
   last one.  */
bool msub_net_read_icmp (int fd, struct msub_icmp *icmp_r);

/* As pread() of what needs no waiting for a disk, at the descriptor's own place.  -1: it may have to wait.  */
ssize_t msub_net_read_cached (int fd, void *buf, size_t n);

/* For descriptors that others have made, and for a pair's end that is another program's.  -1 with errno.  */
int msub_net_nonblocking_cloexec (int fd);
int msub_net_blocking (int fd);

#endif
