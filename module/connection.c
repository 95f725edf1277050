/* connection.c --- a connection that can be read and written with a deadline.

   Floor 3.  SPDX-License-Identifier: GPL-3.0-or-later  */

#define _GNU_SOURCE
#include "connection.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* How often is looked whether this machine still has its own address, and how often in a row that may be missing.  */
#define LOOK MSUB_MSECS (5000)
#define LOOKS 3

/* The connection over plain TCP */

static ssize_t
io_failed (int errnum, ssize_t want, const char *doing, struct msub_error *err)
{
  if (errnum == EAGAIN || errnum == EWOULDBLOCK || errnum == EINTR)
    return want;
  msub_fail_errno (err, MSUB_LOST, errnum, "The connection broke while %s", doing);
  return MSUB_IO_FAILED;
}

void
msub_connection_note_first (char first[MSUB_CONNECTION_FIRST], uint64_t received, const char *buf, size_t n)
{
  for (size_t i = 0; i < n && received + i < MSUB_CONNECTION_FIRST; i++)
    first[received + i] = buf[i];
}

ssize_t
msub_connection_raw_recv (struct msub_connection *c, void *buf, size_t n)
{
  ssize_t got = recv (c->fd, buf, n, 0);
  if (got > 0)
    {
      msub_connection_note_first (c->first, c->received, buf, (size_t) got);
      c->received += (uint64_t) got;
      msub_net_acknowledge (c->fd);
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
  /* How it broke the system says once, and then only that it is over.  */
  ssize_t got = c->errnum ? -1 : msub_connection_raw_recv (c, buf, n);
  if (got >= 0)
    return got;
  int errnum = c->errnum ? c->errnum : errno;
  ssize_t failed = io_failed (errnum, MSUB_IO_READ, "reading", err);
  c->errnum = failed == MSUB_IO_FAILED ? errnum : 0;
  return failed;
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

/* Has this machine been without the address at this end for a while, as after a change of networks?  Nothing can arrive then.
   Wi-Fi often comes back with the same one.  */
static bool
stranded (struct msub_connection *c, struct msub_error *err)
{
  msub_time now = msub_now ();
  if (c->endures || now < c->looked + LOOK)
    return false;
  c->looked = now;
  c->missed = msub_net_homeless (c->fd) ? c->missed + 1 : 0;
  if (c->missed < LOOKS)
    return false;
  c->cut = true;
  msub_fail (err, MSUB_LOST, "This machine no longer has the address from which it was connected to %s, as after a change of networks",
             c->peer.text);
  return true;
}

/* Poll FDS, two of them, the connection's second.  Who has asked for it is called now and then meanwhile.  */
static int
poll_ticking (struct msub_connection *c, struct pollfd *fds, msub_time deadline, struct msub_error *err)
{
  for (;;)
    {
      msub_time tick = msub_now () + (c->tick ? MSUB_TICK : LOOK);
      bool ticks = tick < deadline;
      int ready = msub_wait_poll (c->context, fds, 2, ticks ? tick : deadline, err);
      if (ready == 0 && stranded (c, err))
        return -1;
      if (ready != 0 || !ticks)
        return ready;
      if (c->tick)
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
          if (sent < n && msub_wait_cancelled (c->context, err))
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
      /* There may be something to read again and again that is nothing: warnings and tickets of TLS (SECURITY: H7).  */
      bool late = msub_now () >= deadline;
      ssize_t got = receive (c, err);
      if (got == 0)
        return 0;
      if (got == MSUB_IO_FAILED)
        return -1;
      if (got > 0)
        break;
      struct pollfd fds[2] = { { 0 }, poll_for (c, got) };
      int ready = late ? msub_wait_cancelled (c->context, err) : poll_ticking (c, fds, deadline, err);
      if (ready < 0)
        return -1;
      if (ready == 0)
        return msub_connection_late (c, "answer", err);
    }
  if (msub_wait_cancelled (c->context, err))
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
  struct msub_error err = { 0 };
  ssize_t got = receive (c, &err);
  /* TLS may go on all the same, as where renegotiation was asked for.  */
  c->broken = c->broken || err.kind == MSUB_LOST;
  return got > 0;
}

size_t
msub_connection_unacknowledged (const struct msub_connection *c)
{
  return msub_net_unacknowledged (c->fd);
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
      int ready = msub_wait_poll (c->context, fds, 2, now + pause < deadline ? now + pause : deadline, err);
      if (ready < 0)
        return -1;
      if (stranded (c, err))
        return -1;
      if (fds[1].revents & (POLLERR | POLLHUP))
        return 1; /* it is broken: whatever is written next will say how */
      if (c->tick)
        c->tick (c->tick_data);
    }
  return 1;
}
