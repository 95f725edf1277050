/* gate.h --- the relay's gate: connections that the module takes, since Emacs can be no TLS server.

   Floor 3.  A gate listens; each of its guests has a thread that passes octets on to the relay, which is in Lisp and listens on
   a Unix socket that nobody else can reach, and back.  It knows no SMTP.  When the relay says so, it has TLS with the guest
   from that octet on.
   SPDX-License-Identifier: GPL-3.0-or-later  */

#ifndef MSUB_GATE_H
#define MSUB_GATE_H

#include "error.h"
#include "net.h"
#include "served.h"

/* All gates, and their guests.  NULL without memory.  */
struct msub_gates;
struct msub_gates *msub_gates_new (void);

struct msub_gate_options
{
  const char *host; /* where to listen: a numeric address ... */
  uint16_t port; /* ... and a port, or 0 */
  const char *path; /* the relay's Unix socket */
  struct msub_identity *identity; /* for TLS, or NULL */
  size_t most; /* guests of all gates; whoever comes then is sent away without a word */
  int handshake_msecs;
  const char *servers; /* NULL, or names, each ended by '\n': whoever a rule has led here may have called one of them */
  bool implicit; /* nothing is read from a guest before the relay has asked for TLS */
};

/* Listen.  Returns the gate's number, and its port in *PORT_R; 0 with ERR, MSUB_CONFIG.  Of each guest the first octets that the
   relay gets are a ticket and a newline.  */
intmax_t msub_gate_open (struct msub_gates *gates, const struct msub_gate_options *options, uint16_t *port_r,
                         struct msub_error *err);
/* Listen no more; the port is free then.  Its guests stay as long as the relay has them.  False when there is no such gate.  */
bool msub_gate_close (struct msub_gates *gates, intmax_t handle);
/* Wait, for MSECS at most, until all guests have been told what the relay had to say, and that it has left.  Returns how many
   have not.  */
size_t msub_gates_rest (struct msub_gates *gates, int msecs);

struct msub_guest
{
  struct msub_net_ends ends;
  char server[256]; /* which of the gate's servers it had called, or "" */
  bool loop; /* a rule of the system's filter has led a connection of this process itself here */
};

/* Who has TICKET?  False: nobody.  */
bool msub_gate_guest (struct msub_gates *gates, const char *ticket, struct msub_guest *guest_r);
/* Have TLS with the guest who has TICKET, when SAID octets from the relay have been passed on.  False, and nothing is changed,
   unless the TAKEN octets that the relay has got are all that the guest has sent so far, as far as that was read: something
   in the clear behind them would be taken for a part of what comes by TLS (SECURITY: R3).  */
bool msub_gate_secure (struct msub_gates *gates, const char *ticket, uint64_t taken, uint64_t said);

#endif
