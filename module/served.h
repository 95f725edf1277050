/* served.h --- TLS on a connection that somebody else has opened: the server's side, for the relay.

   Floor 2.  Nothing waits here: descriptors do not block, and who calls polls.
   SPDX-License-Identifier: GPL-3.0-or-later  */

#ifndef MSUB_SERVED_H
#define MSUB_SERVED_H

#include "error.h"

#include <sys/types.h>

/* A certificate with its key, from files.  They are read again for each connection, so that one that has been renewed is used,
   as long as it can be; what was there first stays otherwise.  Several threads share it.  */
struct msub_identity;

#define MSUB_FINGERPRINT 80

/* Load CERTIFICATE and KEY (PEM; NULL: it is in CERTIFICATE, too), and tell the fingerprint, "sha256:<hex>".  NULL with ERR,
   MSUB_CONFIG.  */
struct msub_identity *msub_identity_load (const char *certificate, const char *key,
                                          char fingerprint_r[MSUB_FINGERPRINT], struct msub_error *err);
struct msub_identity *msub_identity_share (struct msub_identity *identity);
/* Whoever is last frees it.  NULL is fine.  */
void msub_identity_leave (struct msub_identity *identity);

/* Make a key and a certificate for NAME that it signs itself, in the new FILE, for its owner alone.  -1 with ERR, MSUB_CONFIG,
   also where FILE exists.  */
int msub_identity_make (const char *file, const char *name, struct msub_error *err);

/* TLS with the client at FD.  NULL: it cannot be set up.  */
struct msub_served;
struct msub_served *msub_served_new (int fd, struct msub_identity *identity);
void msub_served_free (struct msub_served **served);

/* Go on with the handshake.  0: it is done.  POLLIN or POLLOUT: that is waited for.  -1: there is none, and the client has been
   told.  */
int msub_served_shake (struct msub_served *served);
/* As recv() and send(), with errno EAGAIN where they have to wait.  A send that had to is repeated with the same octets.  */
ssize_t msub_served_recv (struct msub_served *served, void *buf, size_t n);
ssize_t msub_served_send (struct msub_served *served, const void *buf, size_t n);
/* Is there something to receive that poll() does not know of?  */
bool msub_served_pending (struct msub_served *served);
/* Say that nothing more will be sent.  */
void msub_served_bye (struct msub_served *served);

/* 128 bits that nobody can guess, in hexadecimal.  -1 where there are none.  */
#define MSUB_TICKET 33
int msub_served_ticket (char ticket_r[MSUB_TICKET]);

#endif
