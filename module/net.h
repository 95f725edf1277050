/* net.h --- time, waiting, and a connection that can be read and written with a deadline.

   Floor 1.  Every wait of a session goes through msub_net_poll: it ends when a descriptor is ready, when the
   deadline passes, or when the job is cancelled, whichever is first.
   SPDX-License-Identifier: GPL-3.0-or-later  */

#ifndef MSUB_NET_H
#define MSUB_NET_H

#include "error.h"
#include "event.h"

#include <poll.h>
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
double msub_msecs_since (msub_time start);
/* What is left until DEADLINE, for poll(): never negative, which would be for ever; an hour at most.  */
int msub_msecs_until (msub_time deadline);

/* Wait until one of FDS[1] .. FDS[COUNT - 1] is ready or DEADLINE has passed.  FDS[0] is the function's own (the
   wake descriptor).  Returns the number ready, 0 when the deadline has passed, -1 with ERR of kind
   MSUB_CANCELLED (or MSUB_INTERNAL).  */
int msub_net_poll (const struct msub_context *context, struct pollfd *fds, nfds_t count, msub_time deadline,
                   struct msub_error *err);

/* Has the job been cancelled?  Then -1 with ERR of kind MSUB_CANCELLED, else 0.  */
int msub_net_cancelled (const struct msub_context *context, struct msub_error *err);

/* Emit the `ask' event EVENT and wait for the answer, at most until DEADLINE.  0 with *ANSWER_R, which the caller
   frees, or -1 with ERR: MSUB_CANCELLED or MSUB_TIMEOUT.  */
int msub_net_ask (const struct msub_context *context, struct msub_event *event, msub_time deadline,
                  struct msub_answer *answer_r, struct msub_error *err);

/* Work that neither a deadline nor a cancel can interrupt, such as reading a file that is on a disk far away.  It has a thread of
   its own, which is left to itself when nobody waits any longer, with all that it uses.  To be the first member of that.  */
struct msub_errand
{
  void (*work) (struct msub_errand *errand);
  void (*late) (struct msub_errand *errand, struct msub_error *err); /* the deadline has passed during WORK: say so in ERR */
  void (*dispose) (struct msub_errand *errand);                      /* free it; in whichever thread */
};

/* Have the work of IT done.  0: it is done, and IT is the caller's again.  -1 with ERR: MSUB_CANCELLED, what IT->late says, or
   MSUB_INTERNAL; IT has been, or will be, disposed of.  */
int msub_net_errand (const struct msub_context *context, struct msub_errand *it, msub_time deadline, struct msub_error *err);

/* How long files may take to be opened, or for each piece that is read from one: STEP_MSECS at most where that is not 0.  */
#define MSUB_FILE_SECONDS 30
msub_time msub_net_file_deadline (int step_msecs);

/* Read up to N octets of the message's file FD, as read(); -1 with ERR: MSUB_CANCELLED, MSUB_TIMEOUT, MSUB_MESSAGE.  */
ssize_t msub_net_read_file (const struct msub_context *context, int fd, void *buf, size_t n, msub_time deadline,
                            struct msub_error *err);

/* A numeric address with its text form.  */
struct msub_address
{
  struct sockaddr_storage sockaddr;
  socklen_t length;
  char text[64];  /* without brackets; IPv6 scope included */
};

void msub_address_port (struct msub_address *address, uint16_t port);
uint16_t msub_address_get_port (const struct msub_address *address);
void msub_address_name (struct msub_address *address);
bool msub_address_equal (const struct sockaddr *a, const struct sockaddr *b);
bool msub_address_loopback (const struct sockaddr *address);
/* Is ADDRESS one of this machine's own?  */
bool msub_address_own (const struct sockaddr *address);
/* Which of this machine's addresses would packets to the numeric ADDRESS leave from?  Nothing is sent.  0, or -1 with errno:
   ENETUNREACH and the like where there is no way.  */
int msub_address_source (const char *address, struct msub_address *source_r);

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
  bool ended;                   /* the peer has closed its side */
  bool cut;                     /* something was given up half way: nothing more is said, not even goodbye (SECURITY: I13) */
  uint64_t received, sent;      /* octets off the wire, and handed to TCP */
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

/* Descriptors of ours, non-blocking.  They are made close-on-exec, since Emacs may fork at any moment: a child that
   inherited one would keep a connection open that nobody here has any more (SECURITY: O11).  0, or -1 with errno.  */
int msub_net_pipe (int fds_r[2]);
int msub_net_socket_pair (int fds_r[2]);
/* A stream socket of FAMILY, without delay and SIGPIPE, or -1 with errno.  */
int msub_net_socket (int family);

/* For descriptors that others have made, and for a pair's end that is another program's.  -1 with errno.  */
int msub_net_nonblocking_cloexec (int fd);
int msub_net_blocking (int fd);

#endif
