/* tunnel.h --- other ways to the server than a TCP connection from here: SSH, SOCKS5, a Unix socket.

   Floor 4.  A tunnel is begun, advanced whenever one of its descriptors is ready, and ends with a connected descriptor or
   with what the far side said about the port.  What it met is seen from the far side, not from here.
   SPDX-License-Identifier: GPL-3.0-or-later  */

#ifndef MSUB_TUNNEL_H
#define MSUB_TUNNEL_H

#include "connection.h"

enum msub_tunnel_kind { MSUB_TUNNEL_NONE, MSUB_TUNNEL_SSH, MSUB_TUNNEL_SOCKS5, MSUB_TUNNEL_UNIX };

/* The members are in request.def.  */
struct msub_tunnel_options
{
#define MSUB_MEMBERS
#define MSUB_TUNNEL_KEYS
#include "request.def"
};

struct msub_tunnel;

/* Begin a tunnel to PORT of HOST, which the far side looks up (RFC 1928 section 4; so a Tor proxy sees names).  OPTIONS
   and HOST must outlive it.  NULL with ERR.  */
struct msub_tunnel *msub_tunnel_start (const struct msub_tunnel_options *options, const char *host, uint16_t port,
                                       struct msub_error *err);
/* Closes what msub_tunnel_take has not taken, and ends an ssh that was started for it.  */
void msub_tunnel_free (struct msub_tunnel **tunnel);

/* What to wait for; returns how many they are.  */
#define MSUB_TUNNEL_POLL_MAX 3
nfds_t msub_tunnel_poll (const struct msub_tunnel *tunnel, struct pollfd fds[MSUB_TUNNEL_POLL_MAX]);

/* Has the far side been asked for the port?  Until then a silence says nothing about the port.  */
bool msub_tunnel_asked (const struct msub_tunnel *tunnel);

/* Go on as far as may be without waiting.  Returns 1 when the way is open, 0 when it has to be waited again, -1 when it is
   closed: *ERRNUM_R is what a connect() from the far side would have said as far as it told, or 0 where the tunnel itself
   is at fault; WORDS (SIZE octets) say more.  */
int msub_tunnel_advance (struct msub_tunnel *tunnel, int *errnum_r, char *words, size_t size);

/* The open way's descriptor, the caller's from now on; the tunnel has to stay for as long as it is used.  */
int msub_tunnel_take (struct msub_tunnel *tunnel);
/* TUNNEL, from which C's descriptor was taken, or NULL, is C's from now on and ends with it.  C may be NULL.  */
void msub_tunnel_carry (struct msub_tunnel **tunnel, struct msub_connection *c);

#endif
