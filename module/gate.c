/* gate.c --- the relay's gate: connections that the module takes, since Emacs can be no TLS server.

   Floor 3.  Threads of a gate and of its guests share what is under the mutex, and nobody holds that for longer than a recv() that
   does not wait.
   SPDX-License-Identifier: GPL-3.0-or-later  */

#define _GNU_SOURCE
#include "gate.h"
#include "thread.h"

#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

/* How long a guest may take nothing of what it is told, what follows its dismissal is thrown away so that the last reply is not
   (RFC 1122 section 4.2.2.13), and the relay, a busy Emacs, may take to accept.  */
#define STUCK_MSECS 60000
#define LINGER_MSECS 2000
#define ADMIT_MSECS 10000

struct gate
{
  struct gate *next;
  struct msub_gates *gates;
  intmax_t handle;
  int listener;
  int wake[2], ended[2]; /* pipes: Lisp has closed the gate, and its thread has noticed */
  struct sockaddr_un path;
  struct msub_identity *identity;
  char *servers;
  size_t most;
  int handshake_msecs;
  bool implicit;
};

enum state
{
  CLEAR,
  HELD, /* TLS comes first: nothing is read from the guest */
  SWITCHING, /* nothing is read from the guest; what the relay has said before is still sent in the clear */
  SECURE
};

struct buffer
{
  size_t start, end;
  char octets[16384];
};

struct guest
{
  struct guest *next;
  struct msub_gates *gates;
  char ticket[MSUB_TICKET];
  struct msub_guest facts;
  int fd, inner;
  struct sockaddr_un path;
  struct msub_identity *identity;
  char *servers;
  int handshake_msecs;
  atomic_int state; /* an enum state */
  uint64_t passed; /* under the mutex: octets read in the clear */
  uint64_t clear; /* written before STATE becomes SWITCHING: how many from the relay go before TLS */
  uint64_t said; /* octets from the relay */
  struct msub_served *served;
  struct buffer in, out;
  bool guest_ended, relay_told, relay_ended, lost;
  bool dismissed; /* under the mutex */
};

struct msub_gates
{
  pthread_mutex_t mutex;
  struct gate *gates; /* Lisp's alone */
  intmax_t last; /* Lisp's alone */
  struct guest *guests; /* under the mutex */
  size_t count; /* under the mutex: guests, those on their way in, too */
};

struct msub_gates *
msub_gates_new (void)
{
  struct msub_gates *gates = calloc (1, sizeof *gates);
  if (gates && pthread_mutex_init (&gates->mutex, NULL))
    {
      free (gates);
      gates = NULL;
    }
  return gates;
}

/* A guest's octets */

static size_t
filled (const struct buffer *buffer)
{
  return buffer->end - buffer->start;
}

static void
took (struct buffer *buffer, size_t n)
{
  buffer->start += n;
  if (buffer->start == buffer->end)
    buffer->start = buffer->end = 0;
}

static bool
later (void)
{
  return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR;
}

/* Read from the guest to IN, which is empty.  Not while the relay switches to TLS: so it knows all that came in the clear.  */
static void
take_in (struct guest *guest)
{
  ssize_t n;
  if (guest->served)
    n = msub_served_recv (guest->served, guest->in.octets, sizeof guest->in.octets);
  else
    {
      pthread_mutex_lock (&guest->gates->mutex);
      errno = EAGAIN;
      n = guest->state == CLEAR ? recv (guest->fd, guest->in.octets, sizeof guest->in.octets, 0) : -1;
      guest->passed += n > 0 ? (uint64_t) n : 0;
      pthread_mutex_unlock (&guest->gates->mutex);
    }
  if (n > 0)
    guest->in.end = (size_t) n;
  else if (n == 0 || !later ())
    guest->guest_ended = true;
}

static void
pass_in (struct guest *guest)
{
  ssize_t n = send (guest->inner, guest->in.octets + guest->in.start, filled (&guest->in), MSG_NOSIGNAL);
  if (n >= 0)
    took (&guest->in, (size_t) n);
  else if (!later ())
    {
      /* It has left, and may have said something before.  */
      guest->in.start = guest->in.end = 0;
      guest->guest_ended = guest->relay_told = true;
    }
}

/* Read from the relay to OUT, which is empty; before TLS no further than to its beginning.  What the relay writes after it has
   asked for TLS is not read before that is known here.  */
static void
take_out (struct guest *guest)
{
  pthread_mutex_lock (&guest->gates->mutex);
  size_t most = sizeof guest->out.octets;
  if (guest->state == SWITCHING && guest->clear - guest->said < most)
    most = (size_t) (guest->clear - guest->said);
  errno = EAGAIN;
  ssize_t n = most > 0 ? recv (guest->inner, guest->out.octets, most, 0) : -1;
  pthread_mutex_unlock (&guest->gates->mutex);
  if (n > 0)
    {
      guest->out.end = (size_t) n;
      guest->said += (uint64_t) n;
    }
  else if (n == 0 || !later ())
    guest->relay_ended = true;
}

static void
pass_out (struct guest *guest)
{
  const char *octets = guest->out.octets + guest->out.start;
  ssize_t n = guest->served ? msub_served_send (guest->served, octets, filled (&guest->out))
                            : send (guest->fd, octets, filled (&guest->out), MSG_NOSIGNAL);
  if (n >= 0)
    took (&guest->out, (size_t) n);
  else if (!later ())
    guest->lost = true;
}

/* The handshake, which a guest may not draw out: whoever is waited for, the relay may end it.  */
static void
begin_tls (struct guest *guest)
{
  msub_time deadline = msub_now () + MSUB_MSECS (guest->handshake_msecs);
  guest->served = msub_served_new (guest->fd, guest->identity);
  int wanted = guest->served ? 1 : -1;
  while (wanted > 0 && (wanted = msub_served_shake (guest->served)) > 0)
    {
      struct pollfd fds[] = { { .fd = guest->fd, .events = (short) wanted }, { .fd = guest->inner } };
      if (msub_now () >= deadline || (poll (fds, 2, msub_msecs_until (deadline)) < 0 && !later ()) || fds[1].revents)
        wanted = -1;
    }
  guest->state = SECURE;
  if (wanted == 0)
    return;
  msub_served_free (&guest->served);
  guest->guest_ended = guest->relay_ended = true;
}

/* Wait until there is something to do; false when the guest takes nothing for too long.  */
static bool
await (struct guest *guest, msub_time *progress)
{
  /* Once: the relay may ask for TLS at any moment, and where nothing is left to do before it there is nothing to wait for.  */
  const int state = guest->state;
  if (state == SWITCHING && guest->said == guest->clear && filled (&guest->out) == 0)
    return true;
  bool reads = state == CLEAR || state == SECURE;
  bool hears = reads && !guest->guest_ended && filled (&guest->in) == 0;
  bool asks = filled (&guest->out) == 0 && (state != SWITCHING || guest->said < guest->clear);
  short from_guest = (short) ((hears ? POLLIN : 0) | (filled (&guest->out) ? POLLOUT : 0));
  short from_relay = (short) ((asks ? POLLIN : 0) | (filled (&guest->in) ? POLLOUT : 0));
  struct pollfd fds[] = { { .fd = from_guest ? guest->fd : -1, .events = from_guest },
                          { .fd = from_relay ? guest->inner : -1, .events = from_relay } };
  bool pending = hears && guest->served && msub_served_pending (guest->served);
  msub_time deadline = *progress + MSUB_MSECS (STUCK_MSECS);
  int msecs = pending ? 0 : filled (&guest->out) ? msub_msecs_until (deadline) : -1;
  if (poll (fds, 2, msecs) < 0)
    return later ();
  size_t waiting = filled (&guest->out);
  if (filled (&guest->in) && fds[1].revents)
    pass_in (guest);
  if (waiting && fds[0].revents)
    pass_out (guest);
  if (hears && (pending || fds[0].revents))
    take_in (guest);
  if (asks && fds[1].revents && !guest->relay_ended)
    take_out (guest);
  if (filled (&guest->out) != waiting || !waiting)
    *progress = msub_now ();
  return msub_now () < deadline || !filled (&guest->out);
}

/* Pass octets on until the guest or the relay has left.  */
static void
serve (struct guest *guest)
{
  msub_time progress = msub_now ();
  while (!guest->lost && !(guest->relay_ended && filled (&guest->out) == 0) && await (guest, &progress))
    {
      if (guest->guest_ended && filled (&guest->in) == 0 && !guest->relay_told)
        guest->relay_told = shutdown (guest->inner, SHUT_WR) == 0 || errno != EINTR;
      if (guest->state == SWITCHING && guest->said == guest->clear && filled (&guest->out) == 0)
        begin_tls (guest);
    }
}

/* What the guest still says is thrown away, or the system would throw away the last reply.  */
static void
dismiss (struct guest *guest)
{
  if (guest->lost)
    return;
  if (guest->served)
    msub_served_bye (guest->served);
  shutdown (guest->fd, SHUT_WR);
  pthread_mutex_lock (&guest->gates->mutex);
  guest->dismissed = true;
  pthread_mutex_unlock (&guest->gates->mutex);
  msub_time deadline = msub_now () + MSUB_MSECS (LINGER_MSECS);
  while (msub_now () < deadline)
    {
      struct pollfd fds[] = { { .fd = guest->fd, .events = POLLIN } };
      if (poll (fds, 1, msub_msecs_until (deadline)) > 0)
        {
          ssize_t n = recv (guest->fd, guest->in.octets, sizeof guest->in.octets, 0);
          if (n == 0 || (n < 0 && !later ()))
            return;
        }
    }
}

/* The life of a guest */

/* Connect to the relay, a busy Emacs perhaps, and show the ticket.  */
static int
admit (struct guest *guest)
{
  char line[MSUB_TICKET + 1];
  msub_time deadline = msub_now () + MSUB_MSECS (ADMIT_MSECS);
  while (connect (guest->inner, (struct sockaddr *) &guest->path, sizeof guest->path))
    {
      if (!later () || msub_now () >= deadline)
        return -1;
      msub_sleep (10);
    }
  memcpy (line, guest->ticket, MSUB_TICKET - 1);
  line[MSUB_TICKET - 1] = '\n';
  return send (guest->inner, line, MSUB_TICKET, MSG_NOSIGNAL) == MSUB_TICKET ? 0 : -1;
}

/* Has the server NAME the address?  Waits for the resolver, which holds up this guest and nobody else.  */
static bool
has_address (const char *name, const struct msub_address *address)
{
  struct addrinfo hints = { .ai_family = address->sockaddr.ss_family, .ai_socktype = SOCK_STREAM }, *list;
  if (getaddrinfo (name, NULL, &hints, &list))
    return false;
  bool found = false;
  for (const struct addrinfo *i = list; i && !found; i = i->ai_next)
    found = msub_address_equal (i->ai_addr, (const struct sockaddr *) &address->sockaddr);
  freeaddrinfo (list);
  return found;
}

/* Find out whom a guest wanted that a rule has led here.  */
static void
look_into (struct guest *guest)
{
  const struct msub_net_ends *ends = &guest->facts.ends;
  struct msub_guest facts = guest->facts;
  if (ends->original.length == 0)
    return;
  facts.loop = msub_net_own_socket ((const struct sockaddr *) &ends->remote.sockaddr);
  char *rest = guest->servers, *name;
  while (rest && !facts.server[0] && (name = strsep (&rest, "\n")))
    if (*name && has_address (name, &ends->original))
      snprintf (facts.server, sizeof facts.server, "%s", name);
  pthread_mutex_lock (&guest->gates->mutex);
  guest->facts = facts;
  pthread_mutex_unlock (&guest->gates->mutex);
}

static void
see_off (struct guest *guest)
{
  struct msub_gates *gates = guest->gates;
  pthread_mutex_lock (&gates->mutex);
  for (struct guest **p = &gates->guests; *p; p = &(*p)->next)
    if (*p == guest)
      {
        *p = guest->next;
        break;
      }
  gates->count--;
  pthread_mutex_unlock (&gates->mutex);
  msub_served_free (&guest->served);
  msub_identity_leave (guest->identity);
  free (guest->servers);
  close (guest->fd);
  if (guest->inner >= 0)
    close (guest->inner);
  msub_wipe (guest, sizeof *guest); /* there may be a token in it */
  free (guest);
}

static void
receive (void *arg)
{
  struct guest *guest = arg;
  look_into (guest);
  guest->inner = msub_net_socket (AF_UNIX);
  if (guest->inner >= 0 && admit (guest) == 0)
    {
      serve (guest);
      close (guest->inner);
      guest->inner = -1;
      dismiss (guest);
    }
  see_off (guest);
}

/* FD, a new connection, is the guest's from now on; whoever is one too many is sent away.  */
static void
welcome (struct gate *gate, int fd)
{
  struct msub_gates *gates = gate->gates;
  struct guest *guest = calloc (1, sizeof *guest);
  if (!guest || msub_net_ends (fd, &guest->facts.ends) || msub_served_ticket (guest->ticket))
    {
      free (guest);
      close (fd);
      return;
    }
  guest->gates = gates;
  guest->fd = fd;
  guest->inner = -1;
  guest->path = gate->path;
  guest->identity = msub_identity_share (gate->identity);
  guest->servers = gate->servers ? strdup (gate->servers) : NULL;
  guest->handshake_msecs = gate->handshake_msecs;
  guest->state = gate->implicit ? HELD : CLEAR;
  pthread_mutex_lock (&gates->mutex);
  bool room = gates->count < gate->most;
  gates->count++;
  guest->next = gates->guests;
  gates->guests = guest;
  pthread_mutex_unlock (&gates->mutex);
  if (!room || msub_thread_start (receive, guest))
    see_off (guest);
}

/* A gate */

static void
keep_gate (void *arg)
{
  struct gate *gate = arg;
  for (;;)
    {
      struct pollfd fds[] = { { .fd = gate->wake[0], .events = POLLIN }, { .fd = gate->listener, .events = POLLIN } };
      if (poll (fds, 2, -1) < 0 && !later ())
        msub_sleep (100);
      if (fds[0].revents)
        break;
      int fd = msub_net_accept (gate->listener);
      if (fd >= 0)
        welcome (gate, fd);
      else if (!later () && errno != ECONNABORTED)
        msub_sleep (100); /* out of descriptors, perhaps */
    }
  close (gate->listener);
  gate->listener = -1;
  /* Lisp frees the gate when it has read this.  */
  int ended = gate->ended[1];
  while (write (ended, "", 1) < 0 && errno == EINTR)
    ;
  close (ended);
}

static void
free_gate (struct gate *gate)
{
  const int fds[] = { gate->listener, gate->wake[0], gate->wake[1], gate->ended[0] };
  for (size_t i = 0; i < sizeof fds / sizeof *fds; i++)
    if (fds[i] >= 0)
      close (fds[i]);
  msub_identity_leave (gate->identity);
  free (gate->servers);
  free (gate);
}

intmax_t
msub_gate_open (struct msub_gates *gates, const struct msub_gate_options *options, uint16_t *port_r,
                struct msub_error *err)
{
  struct gate *gate = calloc (1, sizeof *gate);
  struct msub_address local;
  if (!gate)
    {
      msub_fail (err, MSUB_INTERNAL, "Out of memory");
      return 0;
    }
  *gate = (struct gate){
    .gates = gates,
    .listener = -1,
    .wake = { -1, -1 },
    .ended = { -1, -1 },
    .path = { .sun_family = AF_UNIX },
    .identity = msub_identity_share (options->identity),
    .servers = options->servers ? strdup (options->servers) : NULL,
    .most = options->most,
    .handshake_msecs = options->handshake_msecs,
    .implicit = options->implicit,
  };
  size_t length = strlen (options->path);
  if (length >= sizeof gate->path.sun_path)
    {
      msub_fail (err, MSUB_CONFIG, "The name of the relay's own socket is too long: %s", options->path);
      goto failed;
    }
  memcpy (gate->path.sun_path, options->path, length);
  gate->listener = msub_net_listen (options->host, options->port, &local);
  if (gate->listener < 0)
    {
      msub_fail_errno (err, MSUB_CONFIG, errno, "The relay cannot listen on port %u of %s", options->port,
                       options->host);
      goto failed;
    }
  int failure = msub_net_pipe (gate->wake) || msub_net_pipe (gate->ended) ? errno : msub_thread_start (keep_gate, gate);
  if (failure)
    {
      msub_fail_errno (err, MSUB_INTERNAL, failure, "No thread can be started");
      if (gate->ended[1] >= 0)
        close (gate->ended[1]);
      goto failed;
    }
  *port_r = msub_address_port_of ((struct sockaddr *) &local.sockaddr);
  gate->handle = ++gates->last;
  gate->next = gates->gates;
  gates->gates = gate;
  return gate->handle;

failed:
  free_gate (gate);
  return 0;
}

bool
msub_gate_close (struct msub_gates *gates, intmax_t handle)
{
  struct gate **place = &gates->gates;
  while (*place && (*place)->handle != handle)
    place = &(*place)->next;
  struct gate *gate = *place;
  if (!gate)
    return false;
  *place = gate->next;
  while (write (gate->wake[1], "", 1) < 0 && errno == EINTR)
    ;
  struct pollfd fds[] = { { .fd = gate->ended[0], .events = POLLIN } };
  const int soon_msecs = 5000;
  /* The thread that does not even wake up has the gate for ever.  */
  char octet;
  if (poll (fds, 1, soon_msecs) > 0 && read (gate->ended[0], &octet, 1) == 1)
    free_gate (gate);
  return true;
}

size_t
msub_gates_rest (struct msub_gates *gates, int msecs)
{
  msub_time deadline = msub_now () + MSUB_MSECS (msecs);
  for (;;)
    {
      pthread_mutex_lock (&gates->mutex);
      size_t count = 0;
      for (const struct guest *guest = gates->guests; guest; guest = guest->next)
        count += !guest->dismissed;
      pthread_mutex_unlock (&gates->mutex);
      if (count == 0 || msub_now () >= deadline)
        return count;
      msub_sleep (2);
    }
}

/* What the relay asks */

/* Under the mutex.  */
static struct guest *
find_guest (const struct msub_gates *gates, const char *ticket)
{
  struct guest *guest = gates->guests;
  while (guest && strcmp (guest->ticket, ticket) != 0)
    guest = guest->next;
  return guest;
}

bool
msub_gate_guest (struct msub_gates *gates, const char *ticket, struct msub_guest *guest_r)
{
  pthread_mutex_lock (&gates->mutex);
  const struct guest *guest = find_guest (gates, ticket);
  if (guest)
    *guest_r = guest->facts;
  pthread_mutex_unlock (&gates->mutex);
  return guest != NULL;
}

bool
msub_gate_secure (struct msub_gates *gates, const char *ticket, uint64_t taken, uint64_t said)
{
  pthread_mutex_lock (&gates->mutex);
  struct guest *guest = find_guest (gates, ticket);
  bool begins = guest && guest->identity && (guest->state == CLEAR || guest->state == HELD);
  bool fits = begins && guest->passed == taken;
  if (fits)
    {
      guest->clear = said;
      guest->state = SWITCHING;
    }
  pthread_mutex_unlock (&gates->mutex);
  return fits;
}
