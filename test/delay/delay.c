/* delay.c --- a TCP proxy that makes a path long: every octet is held for MS in each direction.

   usage: delay LISTEN_ADDR:PORT TARGET_ADDR:PORT MS [--log FILE]

   It adds latency and takes no throughput: any number of octets may be under way.  What the TCP
   handshake would cost is made up for before the first octet goes on, so that the sum is right,
   although the client's connect returns at once.

   It prints a line of JSON when it listens, {"listening":PORT}, and one for each connection at its
   end, which --log FILE gets as well:
     flights      how often the client spoke after it had waited for the server
     round_trips  what a client pays: flights, one for TCP, one for a greeting it waited for
     octets_up, octets_down, and reads: the pieces in which the client's octets came
   A session that ends in QUIT has one flight behind the final reply.
   It ends when stdin ends, and on SIGTERM.

   SPDX-License-Identifier: GPL-3.0-or-later  */

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define PIECE 65536
#define UNDER_WAY_MAX (64u * 1024 * 1024) /* per direction; then the reader waits */

struct piece
{
  struct piece *next;
  long long due; /* microseconds, monotonic */
  size_t n, sent;
  char octets[]; /* none: the end of the stream */
};

/* One direction.  */
struct pipe
{
  int from, to;
  struct piece *first, **last;
  size_t under_way;
  uint64_t octets, reads;
  long long last_read; /* microseconds */
  bool ended; /* nothing more comes */
  bool done;  /* and all of it is delivered */
};

struct relay
{
  int client;
  unsigned id, flights;
  bool server_first, reset;
};

static struct sockaddr_storage target;
static socklen_t target_n;
static long long delay_usecs;
static FILE *log_file;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static void __attribute__ ((noreturn))
die (const char *what, const char *why)
{
  fprintf (stderr, "delay: %s: %s\n", what, why);
  exit (2);
}

static void *
need (void *p)
{
  if (!p)
    die ("memory", "out of it");
  return p;
}

static long long
now_usecs (void)
{
  struct timespec t;
  clock_gettime (CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1000000LL + t.tv_nsec / 1000;
}

static struct timespec
timespec_of (long long usecs)
{
  return (struct timespec) { (time_t) (usecs / 1000000), (long) (usecs % 1000000) * 1000 };
}

static socklen_t
parse_address (char *text, struct sockaddr_storage *address)
{
  char *colon = strrchr (text, ':'), *host = text;
  if (!colon)
    die (text, "not ADDRESS:PORT");
  *colon = '\0';
  if (*host == '[')
    {
      host++;
      host[strcspn (host, "]")] = '\0';
    }
  struct addrinfo hints = { .ai_socktype = SOCK_STREAM,
                            .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV }, *a;
  int r = getaddrinfo (host, colon + 1, &hints, &a);
  if (r != 0)
    die (text, gai_strerror (r));
  socklen_t n = a->ai_addrlen;
  memcpy (address, a->ai_addr, n);
  freeaddrinfo (a);
  return n;
}

static void
enqueue (struct pipe *p, const char *octets, size_t n)
{
  struct piece *piece = need (malloc (sizeof *piece + n));
  *piece = (struct piece) { .due = now_usecs () + delay_usecs, .n = n };
  if (n > 0)
    memcpy (piece->octets, octets, n);
  *p->last = piece;
  p->last = &piece->next;
  p->under_way += n;
}

static void
dequeue (struct pipe *p)
{
  struct piece *piece = p->first;
  p->first = piece->next;
  if (!p->first)
    p->last = &p->first;
  p->under_way -= piece->n;
  free (piece);
}

/* Take what has come, and say how many octets.  -1 when the connection is broken.  */
static ssize_t
take (struct pipe *p)
{
  char buf[PIECE];
  ssize_t n = recv (p->from, buf, sizeof buf, MSG_DONTWAIT);
  if (n < 0)
    return errno == EAGAIN || errno == EINTR ? 0 : -1;
  enqueue (p, buf, (size_t) n);
  p->octets += (uint64_t) n;
  p->reads += n > 0;
  p->last_read = now_usecs ();
  p->ended = n == 0;
  return n;
}

/* Deliver what is due.  -1 when the connection is broken.  */
static int
deliver (struct pipe *p)
{
  while (p->first && p->first->due <= now_usecs ())
    {
      struct piece *piece = p->first;
      if (piece->n == 0)
        {
          shutdown (p->to, SHUT_WR);
          p->done = true;
          dequeue (p);
          return 0;
        }
      ssize_t n = send (p->to, piece->octets + piece->sent, piece->n - piece->sent,
                        MSG_DONTWAIT | MSG_NOSIGNAL);
      if (n < 0)
        return errno == EAGAIN || errno == EINTR ? 0 : -1;
      piece->sent += (size_t) n;
      if (piece->sent < piece->n)
        return 0;
      dequeue (p);
    }
  return 0;
}

/* What to wait for at the end where P begins and at the one where it leads.  */
static void
want (const struct pipe *p, struct pollfd *from, struct pollfd *to, struct timespec *wait)
{
  if (!p->ended && p->under_way < UNDER_WAY_MAX)
    from->events |= POLLIN;
  if (!p->first)
    return;
  long long usecs = p->first->due - now_usecs ();
  if (usecs <= 0)
    to->events |= POLLOUT;
  else if (usecs < wait->tv_sec * 1000000LL + wait->tv_nsec / 1000)
    *wait = timespec_of (usecs);
}

/* Carry octets until both directions are done or broken.  */
static void
shuttle (struct relay *r, struct pipe *up, struct pipe *down)
{
  bool heard = false; /* has the client been told anything since it last spoke?  */
  while (!(up->done && down->done))
    {
      struct pollfd fds[2] = { { .fd = up->from }, { .fd = down->from } };
      struct timespec wait = { 60, 0 };
      want (up, &fds[0], &fds[1], &wait);
      want (down, &fds[1], &fds[0], &wait);
      /* A side that is wanted for nothing would only wake us with POLLHUP, again and again.  */
      for (int i = 0; i < 2; i++)
        if (fds[i].events == 0)
          fds[i].fd = -1;
      ppoll (fds, 2, &wait, NULL);
      long long spoke = up->last_read;
      ssize_t said = fds[0].events & POLLIN ? take (up) : 0;
      /* In the middle of a stream the client does not wait for the answers that pass by.  */
      bool first = said > 0 && (uint64_t) said == up->octets;
      if (first || (said > 0 && heard && up->last_read - spoke >= delay_usecs))
        {
          r->flights++;
          heard = false;
        }
      uint64_t before = down->octets - down->under_way;
      if (said < 0 || (fds[1].events & POLLIN && take (down) < 0))
        {
          r->reset = true;
          return;
        }
      if (deliver (up) < 0 || deliver (down) < 0)
        return;
      heard = heard || down->octets - down->under_way > before;
      r->server_first = r->server_first || (heard && up->octets == 0);
    }
}

static void
report (const struct relay *r, const struct pipe *up, const struct pipe *down, double msecs)
{
  pthread_mutex_lock (&lock);
  FILE *files[] = { stdout, log_file };
  for (int i = 0; i < 2; i++)
    if (files[i])
      {
        fprintf (files[i],
                 "{\"conn\":%u,\"round_trips\":%u,\"flights\":%u,\"octets_up\":%llu,"
                 "\"octets_down\":%llu,\"reads\":%llu,\"ms\":%.1f}\n",
                 r->id, 1 + r->server_first + r->flights, r->flights,
                 (unsigned long long) up->octets, (unsigned long long) down->octets,
                 (unsigned long long) up->reads, msecs);
        fflush (files[i]);
      }
  pthread_mutex_unlock (&lock);
}

static void
pause_usecs (long long usecs)
{
  struct timespec t = timespec_of (usecs);
  nanosleep (&t, NULL);
}

static void
prepare (int fd)
{
  int one = 1;
  setsockopt (fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
}

/* A reset travels as one, only not as late as it should.  */
static void
end (int fd, bool reset)
{
  struct linger linger = { .l_onoff = 1 };
  if (reset)
    setsockopt (fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
  close (fd);
}

static void *
run (void *data)
{
  struct relay *r = data;
  long long began = now_usecs ();
  int server = socket (target.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  struct pipe up = { .from = r->client, .to = server }, down = { .from = server, .to = r->client };
  up.last = &up.first;
  down.last = &down.first;
  prepare (r->client);
  prepare (server);
  /* SYN, SYN-ACK; then the ACK, with the first flight where the client speaks first.  */
  pause_usecs (2 * delay_usecs);
  if (take (&up) > 0)
    r->flights = 1;
  pause_usecs (delay_usecs);
  if (connect (server, (struct sockaddr *) &target, target_n) == 0)
    shuttle (r, &up, &down);
  else
    r->reset = true;
  report (r, &up, &down, (double) (now_usecs () - began) / 1000);
  while (up.first)
    dequeue (&up);
  while (down.first)
    dequeue (&down);
  end (server, r->reset);
  end (r->client, r->reset);
  free (r);
  return NULL;
}

static void
serve (int listener)
{
  unsigned id = 0;
  pthread_attr_t attributes;
  pthread_attr_init (&attributes);
  pthread_attr_setdetachstate (&attributes, PTHREAD_CREATE_DETACHED);
  for (;;)
    {
      struct pollfd fds[2] = { { .fd = listener, .events = POLLIN },
                               { .fd = 0, .events = POLLIN } };
      char buf[256];
      if (poll (fds, 2, -1) < 0)
        continue;
      if (fds[1].revents && read (0, buf, sizeof buf) <= 0)
        return;
      if (!(fds[0].revents & POLLIN))
        continue;
      struct relay *r = need (calloc (1, sizeof *r));
      pthread_t thread;
      r->client = accept4 (listener, NULL, NULL, SOCK_CLOEXEC);
      r->id = ++id;
      if (r->client < 0 || pthread_create (&thread, &attributes, run, r) != 0)
        {
          if (r->client >= 0)
            close (r->client);
          free (r);
        }
    }
}

int
main (int argc, char **argv)
{
  if (argc != 4 && !(argc == 6 && strcmp (argv[4], "--log") == 0))
    die ("usage", "delay LISTEN_ADDR:PORT TARGET_ADDR:PORT MS [--log FILE]");
  struct sockaddr_storage own;
  socklen_t n = parse_address (argv[1], &own);
  target_n = parse_address (argv[2], &target);
  delay_usecs = (long long) (atof (argv[3]) * 1000);
  if (argc == 6 && !(log_file = fopen (argv[5], "we")))
    die (argv[5], strerror (errno));
  signal (SIGPIPE, SIG_IGN);
  int one = 1, listener = socket (own.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  setsockopt (listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  if (own.ss_family == AF_INET6)
    setsockopt (listener, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof one);
  if (bind (listener, (struct sockaddr *) &own, n) < 0 || listen (listener, 128) < 0)
    die (argv[1], strerror (errno));
  getsockname (listener, (struct sockaddr *) &own, &n);
  printf ("{\"listening\":%d}\n",
          ntohs (own.ss_family == AF_INET6 ? ((struct sockaddr_in6 *) &own)->sin6_port
                                           : ((struct sockaddr_in *) &own)->sin_port));
  fflush (stdout);
  serve (listener);
  return 0;
}
