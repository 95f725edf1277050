/* attempt.h --- one route to one address: the SYN, the tunnel, and what came of it.

   Floor 5.  Nothing is read from or written to a connection here.
   SPDX-License-Identifier: GPL-3.0-or-later  */

#ifndef MSUB_ATTEMPT_H
#define MSUB_ATTEMPT_H

#include "net.h"
#include "tunnel.h"
#include "verdict.h"

enum msub_tls_mode { MSUB_TLS_NONE, MSUB_TLS_STARTTLS, MSUB_TLS_IMPLICIT, MSUB_TLS_MODES };

/* "none", "starttls", "implicit".  Static.  */
const char *msub_tls_mode_name (enum msub_tls_mode mode);

/* "ipv4", "ipv6".  Static.  */
const char *msub_family_name (int family);

/* What a diagnosis expects behind a port: mail transfer (RFC 5321) or submission (RFC 6409), and what POP3 (RFC 1939) and
   IMAP (RFC 9051) servers say.  */
enum msub_service { MSUB_SUBMISSION, MSUB_TRANSFER, MSUB_POP, MSUB_IMAP, MSUB_SERVICES };

struct msub_route
{
  uint16_t port;
  int family; /* AF_INET, AF_INET6 */
  enum msub_tls_mode tls;
  enum msub_service service;
  bool demoted; /* found blocked a while ago: it is tried after all others */
};

/* How to get to the server, the same for all attempts.  The other members are in request.def.  */
struct msub_way
{
  const struct msub_context *context;
#define MSUB_MEMBERS
#define MSUB_WAY_KEYS
#include "request.def"
  /* Where the tunnel's kind is not MSUB_TUNNEL_NONE, every attempt goes through it: the far side looks HOST up and chooses
     the family, so there is one attempt a port, and a verdict is what the far side saw.  */
  struct msub_tunnel_options tunnel;
};

enum msub_attempt_state
{
  MSUB_PENDING,    /* not started, or to be started again */
  MSUB_CONNECTING,
  MSUB_CONNECTED,  /* held, or the winner to be */
  MSUB_TAKEN,      /* handed over */
  MSUB_JUDGED,     /* has a verdict other than "answered" */
};

/* Members from STATE on are for reading only.  */
struct msub_attempt
{
  const struct msub_way *way;
  size_t id;
  struct msub_route route;
  size_t tier;                 /* the port's place in the order of preference */
  bool first;                  /* to the first address of its route */
  struct msub_address address;
  enum msub_attempt_state state;
  int fd, second_fd;           /* -1: none */
  struct msub_tunnel *tunnel;  /* where there is one: what to wait for, until it is open */
  bool asked;                  /* the tunnel has asked for the port; that is when STARTED is, then */
  msub_time started, second_started;
  msub_time round_trip;        /* once MSUB_CONNECTED */
  double msecs;                /* from the start to the verdict */
  double limit_msecs;          /* what a silent one was granted, from its start; */
  double grace_msecs;          /* and from its second SYN, if that ran out; 0: the connect time-out did */
  struct msub_verdict verdict;
  struct msub_evidence evidence;
  struct msub_address offender;
  char words[256];             /* the verdict, for people */
};

bool msub_attempt_tunnelled (const struct msub_attempt *attempt);

/* Send the SYN, or begin the tunnel.  Where its end is known at once, ATTEMPT is judged, or connected, on return.  */
void msub_attempt_start (struct msub_attempt *attempt);

/* Send one more SYN, from a second socket; whichever is answered stands for the attempt.  A tunnel cannot be hurried, and
   only takes note of the time.  */
void msub_attempt_insist (struct msub_attempt *attempt);

/* What a connecting attempt waits for is put into FDS.  Returns how many descriptors these are.  */
#define MSUB_ATTEMPT_POLL_MAX 3
nfds_t msub_attempt_poll (const struct msub_attempt *attempt, struct pollfd fds[MSUB_ATTEMPT_POLL_MAX]);

/* Does a connecting attempt still have to get to where the port can be asked for?  Only then its time begins.  */
bool msub_attempt_on_its_way (const struct msub_attempt *attempt);

/* When a connecting attempt that has TIMEOUT_MSECS for a port is to be given up.  */
msub_time msub_attempt_deadline (const struct msub_attempt *attempt, int timeout_msecs);

/* Something has happened to FD of a connecting attempt: has it come to its end?  */
void msub_attempt_look (struct msub_attempt *attempt, int fd);

/* Nothing came back until DEADLINE: case 5, or the tunnel's own fault.  GRACE: see grace_msecs.  */
void msub_attempt_silent (struct msub_attempt *attempt, msub_time deadline, msub_time grace);

/* Wait until a started attempt has connected: 0.  -1 with ERR of kind MSUB_CONNECT when it has another verdict, or of what ended
   the wait; it is closed then.  */
int msub_attempt_wait (struct msub_attempt *attempt, const struct msub_context *context, int timeout_msecs,
                       struct msub_error *err);

/* Another one has won: close, and be ready to be started again.  */
void msub_attempt_give_up (struct msub_attempt *attempt);

/* Emit an `attempt' event.  LOST: its connection is not used.  A verdict other than "answered" has been reported by itself.  */
void msub_attempt_report (const struct msub_attempt *attempt, bool lost);

void msub_attempt_close (struct msub_attempt *attempt);

#endif
