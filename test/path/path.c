/* path.c --- a way between two network namespaces that costs time.

   usage: path NEAR FAR DELAY [PORT EXTRA]

   Makes two tun devices, NEAR and FAR, in its own network namespace, says "ready" on standard
   output, and carries packets from the one to the other, each DELAY milliseconds late.  Packets
   that come from FAR with the TCP source port PORT are EXTRA milliseconds later still, the SYN-ACK
   first of all: no proxy in user space can delay that.  The caller moves FAR to the other
   namespace (ip link set FAR netns PID) and gives both addresses and routes.  Ends when standard
   input does.  To a line on standard input it answers how many milliseconds it was late at most since the last
   such line: what it carried then was not on the way that it was told to be.

   It needs CAP_NET_ADMIN in its network namespace only, which `unshare -rn' gives to everybody,
   and /dev/net/tun, which is everybody's on most systems.

   SPDX-License-Identifier: GPL-3.0-or-later  */

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

enum { NEAR, FAR, SIDES };

#define PACKET_MAX 65536

struct packet
{
  struct packet *next;
  int64_t due; /* microseconds */
  int to;      /* the side it leaves by */
  size_t n;
  unsigned char octets[];
};

/* What is under way, the next one to leave first.  */
static struct packet *queue;

/* So often it looks whether it is late, milliseconds.  */
enum { TICK = 10 };

static int64_t worst; /* microseconds */

static void
die (const char *what)
{
  fprintf (stderr, "path: %s: %s\n", what, strerror (errno));
  exit (2);
}

static int64_t
now (void)
{
  struct timespec t;
  clock_gettime (CLOCK_MONOTONIC, &t);
  return (int64_t) t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static int
open_tun (const char *name)
{
  struct ifreq request = { .ifr_flags = IFF_TUN | IFF_NO_PI };
  int fd = open ("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
  if (fd < 0)
    die ("/dev/net/tun");
  snprintf (request.ifr_name, sizeof request.ifr_name, "%s", name);
  if (ioctl (fd, TUNSETIFF, &request) < 0)
    die (name);
  return fd;
}

/* The TCP source port of an IPv4 or IPv6 packet without extension headers, or 0.  */
static unsigned
source_port (const unsigned char *p, size_t n)
{
  size_t header = 0;
  if (n >= 20 && p[0] >> 4 == 4 && p[9] == IPPROTO_TCP)
    header = (size_t) (p[0] & 15) * 4;
  else if (n >= 40 && p[0] >> 4 == 6 && p[6] == IPPROTO_TCP)
    header = 40;
  return header && n >= header + 2 ? (unsigned) p[header] << 8 | p[header + 1] : 0;
}

/* Packets with the same time stay in order.  */
static void
enqueue (struct packet *packet)
{
  struct packet **place = &queue;
  while (*place && (*place)->due <= packet->due)
    place = &(*place)->next;
  packet->next = *place;
  *place = packet;
}

static void
take_packets (int fd, int to, int64_t delay, unsigned slow_port, int64_t extra)
{
  static unsigned char buf[PACKET_MAX];
  ssize_t n;
  while ((n = read (fd, buf, sizeof buf)) > 0)
    {
      struct packet *packet = malloc (sizeof *packet + (size_t) n);
      if (!packet)
        die ("a packet");
      bool slow = to == NEAR && slow_port && source_port (buf, (size_t) n) == slow_port;
      packet->due = now () + delay + (slow ? extra : 0);
      packet->to = to;
      packet->n = (size_t) n;
      memcpy (packet->octets, buf, (size_t) n);
      enqueue (packet);
    }
}

static void
note_late (int64_t due)
{
  int64_t late = now () - due;
  worst = late > worst ? late : worst;
}

/* Send what is due.  Returns the milliseconds until it has to look again.  */
static int
send_packets (const int *fds)
{
  while (queue)
    {
      int64_t left = queue->due - now ();
      if (left > 0)
        return left < TICK * 1000 ? (int) (left / 1000) + 1 : TICK;
      note_late (queue->due);
      struct packet *packet = queue;
      queue = packet->next;
      /* A device that is not up yet, or full: the packet is lost, as packets are.  */
      if (write (fds[packet->to], packet->octets, packet->n) < 0 && errno != EIO && errno != EAGAIN)
        die ("sending");
      free (packet);
    }
  return TICK;
}

/* Wait for P, COUNT of them, and note when that took longer than it was asked to.  */
static void
wait_for (struct pollfd *p, nfds_t count, int msecs)
{
  int64_t due = now () + msecs * (int64_t) 1000;
  if (poll (p, count, msecs) < 0 && errno != EINTR)
    die ("poll");
  note_late (due);
}

static void
answer (void)
{
  printf ("%lld\n", (long long) (worst / 1000));
  fflush (stdout);
  worst = 0;
}

static long
number (const char *text, long max)
{
  char *end;
  errno = 0;
  long n = strtol (text, &end, 10);
  if (errno || end == text || *end || n < 0 || n > max)
    {
      fprintf (stderr, "path: not a number up to %ld: %s\n", max, text);
      exit (64);
    }
  return n;
}

int
main (int argc, char **argv)
{
  if (argc != 4 && argc != 6)
    {
      fputs ("usage: path NEAR FAR DELAY [PORT EXTRA]\n", stderr);
      return 64;
    }
  int fds[SIDES] = { open_tun (argv[1]), open_tun (argv[2]) };
  int64_t delay = number (argv[3], INT_MAX) * (int64_t) 1000;
  unsigned port = argc == 6 ? (unsigned) number (argv[4], 65535) : 0;
  int64_t extra = argc == 6 ? number (argv[5], INT_MAX) * (int64_t) 1000 : 0;
  puts ("ready");
  fflush (stdout);
  struct pollfd p[] = { { .fd = STDIN_FILENO, .events = POLLIN },
                        { .fd = fds[NEAR], .events = POLLIN },
                        { .fd = fds[FAR], .events = POLLIN } };
  for (;;)
    {
      char ignored[64];
      wait_for (p, sizeof p / sizeof *p, send_packets (fds));
      if (p[0].revents)
        {
          if (read (STDIN_FILENO, ignored, sizeof ignored) <= 0)
            return 0;
          answer ();
        }
      take_packets (fds[NEAR], FAR, delay, port, extra);
      take_packets (fds[FAR], NEAR, delay, port, extra);
    }
}
