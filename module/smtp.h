/* smtp.h --- the beginning and the end of an SMTP conversation (RFC 5321, RFC 3207).

   Floor 5.  Each function is one act, reads top to bottom and ends with 0, or -1 and ERR.  After a -1 the
   conversation is over: msub_smtp_free.
   SPDX-License-Identifier: GPL-3.0-or-later  */

#ifndef MSUB_SMTP_H
#define MSUB_SMTP_H

#include "conversation.h"
#include "tls.h"

/* Has the peer closed, or broken, the connection before its first octet?  Then a proxy, a tunnel or a middlebox
   may have accepted in the far end's place, and another route may be tried.  */
bool msub_smtp_unanswered (const struct msub_smtp *smtp, const struct msub_error *err);

/* TLS at once (RFC 8314 section 3), before the greeting.  *INFO_R is what it came to, as far as it went.  */
int msub_smtp_tls (struct msub_smtp *smtp, const struct msub_tls_trust *trust, const char *name, bool must_verify,
                   struct msub_tls_info *info_r, struct msub_error *err);

/* Wait for the 220.  */
int msub_smtp_greeting (struct msub_smtp *smtp, struct msub_error *err);

/* EHLO; HELO after a 5yz only where HELO_ALLOWED (SECURITY: A5).  */
int msub_smtp_hello (struct msub_smtp *smtp, bool helo_allowed, struct msub_error *err);

/* Nothing has been heard inside TLS yet: has the server taken STARTTLS back?  REMEMBERED: it offered STARTTLS once.  Then
   MSUB_INSECURE with the alarm "striptls", whatever the account's level (RFC 3207 section 6).  */
int msub_smtp_striptls (const struct msub_smtp *smtp, const char *name, bool remembered, struct msub_error *err);

/* STARTTLS, the handshake, and EHLO again (RFC 3207): everything learned before is forgotten.  Where the server does not
   offer it: MSUB_INSECURE when REQUIRED, else nothing happens.  */
int msub_smtp_starttls (struct msub_smtp *smtp, const struct msub_tls_trust *trust, const char *name, bool required,
                        bool must_verify, struct msub_tls_info *info_r, struct msub_error *err);

/* The second half of it: the server has said 220 to STARTTLS.  */
int msub_smtp_upgrade (struct msub_smtp *smtp, const struct msub_tls_trust *trust, const char *name, bool must_verify,
                       struct msub_tls_info *info_r, struct msub_error *err);

/* RSET.  -1 with ERR where the server does not take it.  */
int msub_smtp_reset (struct msub_smtp *smtp, struct msub_error *err);

/* Another message for the same server: is the conversation still good for it?  IDLE says that it has been silent for a
   while, so that it is better to ask.  -1: it is not; use a new one.  */
int msub_smtp_again (struct msub_smtp *smtp, bool idle, struct msub_error *err);

/* Say QUIT without waiting, where a command may be said at all ...  */
void msub_smtp_quit (struct msub_smtp *smtp);
/* ... and wait, for a moment, for the answer (RFC 5321 section 4.1.1.10), when the result has been told.  */
void msub_smtp_quit_wait (struct msub_smtp *smtp);

#endif
