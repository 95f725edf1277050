/* connection.h --- a connection that can be read and written with a deadline.

   Floor 3.  SPDX-License-Identifier: GPL-3.0-or-later  */

#ifndef MSUB_CONNECTION_H
#define MSUB_CONNECTION_H

#include "wait.h"

/* How octets cross a connection: plain TCP, or TLS on top of it.  Each function returns the octets moved, 0 at
   the end (RECV only), MSUB_IO_READ or MSUB_IO_WRITE when it has to wait for the descriptor to be
   readable or writable, MSUB_IO_FAILED with ERR filled.  */
enum { MSUB_IO_FAILED = -1, MSUB_IO_READ = -2, MSUB_IO_WRITE = -3 };

struct msub_connection;

struct msub_transport
{
  ssize_t (*recv) (struct msub_connection *c, void *buf, size_t n, struct msub_error *err);
  ssize_t (*send) (struct msub_connection *c, const void *buf, size_t n, struct msub_error *err);
  bool (*pending) (struct msub_connection *c);  /* octets received already, though poll() may not say so */
  void (*bye) (struct msub_connection *c);      /* say that this is the end; never waits */
  void (*free) (void *state);
};

/* Outgoing octets are gathered here, so that a flight of commands leaves in one write.  */
#define MSUB_CONNECTION_OUT 65536
#define MSUB_CONNECTION_IN 16384
#define MSUB_CONNECTION_FIRST 8

struct msub_connection
{
  const struct msub_context *context;
  int fd;
  struct msub_address peer;
  uint16_t port;                /* the server's, which is not PEER's where a tunnel leads there */
  const struct msub_transport *transport;
  void *state;                  /* the transport's */
  char in[MSUB_CONNECTION_IN];
  size_t in_start, in_end;
  char *out;
  size_t out_length, out_size;
  bool secret;                  /* OUT holds credentials: wipe it once sent */
  bool ended, broken;           /* the peer has closed its side; the connection broke while nothing was expected */
  int errnum;                   /* why, where that is known and not inside TLS */
  bool glance;                  /* TLS goes only as far as the peer's certificate: nobody logs in, so no key of ours signs */
  bool cut;                     /* something was given up half way: nothing more is said, not even goodbye (SECURITY: I13) */
  bool endures;                 /* the answer is waited for whatever happens: what was sent cannot be sent again */
  msub_time looked;             /* when it was seen whether this machine has the address at this end ... */
  int missed;                   /* ... and how many times in a row it had not */
  uint64_t received, sent;      /* octets off the wire, and handed to TCP */
  char first[MSUB_CONNECTION_FIRST]; /* of those received */
  int patience_msecs;           /* how long the wait that begins may last, to be told; 0: not known */
  void (*tick) (void *data);    /* called each MSUB_TICK while something is waited for, or NULL */
  void *tick_data;
  void *companion;              /* what has to end with the connection, or NULL ... */
  void (*companion_end) (void *companion, bool abrupt); /* ... ABRUPT: nothing under way is to arrive any more */
};

/* Make a connection to PORT of the connected, non-blocking FD, which it takes over even on failure.  NULL without
   memory.  */
struct msub_connection *msub_connection_new (const struct msub_context *context, int fd, const struct msub_address *peer,
                                             uint16_t port);
/* Close at once (after TLS' close_notify where there is TLS), wipe, free.  Where C->cut says so, what has not reached the peer
   never will.  */
void msub_connection_free (struct msub_connection **c);

/* How to speak of C's peer, which the user knows as NAME: "NAME (address)".  */
struct msub_called
{
  char text[340];
};
struct msub_called msub_connection_called (const struct msub_connection *c, const char *name);

/* Put another transport on C.  */
void msub_connection_transport (struct msub_connection *c, const struct msub_transport *transport, void *state);

/* What recv() and send() do, with errno; for transports.  */
ssize_t msub_connection_raw_recv (struct msub_connection *c, void *buf, size_t n);
ssize_t msub_connection_raw_send (struct msub_connection *c, const void *buf, size_t n);

/* N octets in BUF came after so many that were RECEIVED: note in FIRST what of them is among the first.  */
void msub_connection_note_first (char first[MSUB_CONNECTION_FIRST], uint64_t received, const char *buf, size_t n);

/* Append to the flight.  -1 with ERR only without memory.  */
int msub_connection_put (struct msub_connection *c, const char *octets, size_t n, struct msub_error *err);

/* C's peer did not do WHAT before the deadline.  Returns -1 with ERR, which says how long that was.  */
int msub_connection_late (const struct msub_connection *c, const char *what, struct msub_error *err);

/* Send the flight.  DEADLINE holds for all of it.  */
int msub_connection_flush (struct msub_connection *c, msub_time deadline, struct msub_error *err);

/* Send all of the flight but its last REST octets, which stay.  */
int msub_connection_flush_but (struct msub_connection *c, size_t rest, msub_time deadline, struct msub_error *err);

/* Send as much of the flight as goes without waiting; for farewells.  Nothing where C->cut says so.  */
void msub_connection_flush_try (struct msub_connection *c);

/* Send N octets of BUF; returns 1 when all has gone, 0 when the peer has said something in the meantime (then the
   rest has not gone and never should), -1 on error.  Each piece that moves renews a deadline of BLOCK_USECS
   (RFC 5321 section 4.5.3.2.5).  */
int msub_connection_stream (struct msub_connection *c, const char *buf, size_t n, msub_time block_usecs,
                            struct msub_error *err);

/* Wait for octets; they are at c->in + c->in_start.  Returns how many there are, 0 when the peer has closed
   (c->ended is set), -1 on error.  */
ssize_t msub_connection_fill (struct msub_connection *c, msub_time deadline, struct msub_error *err);

/* Has the peer said something that nobody has read?  Never waits.  */
bool msub_connection_unread (struct msub_connection *c);

/* Octets written that the peer's TCP has not acknowledged, or 0 where the system does not tell; and those that it has.  */
size_t msub_connection_unacknowledged (const struct msub_connection *c);
uint64_t msub_connection_acknowledged (const struct msub_connection *c);

/* Wait until everything written is acknowledged, where the system tells.  HEED: or the peer says something.  Each
   acknowledgement renews a deadline of BLOCK_USECS.  Returns as msub_connection_stream.  */
int msub_connection_settle (struct msub_connection *c, bool heed, msub_time block_usecs, struct msub_error *err);

#endif
