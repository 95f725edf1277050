/* conversation.h --- commands out, replies in: what every act of an SMTP conversation is made of.

   Floor 4.  Knows what a reply is, not what it means.
   SPDX-License-Identifier: GPL-3.0-or-later  */

#ifndef MSUB_CONVERSATION_H
#define MSUB_CONVERSATION_H

#include "connection.h"
#include "reply.h"

#define MSUB_COMMAND_MAX 512 /* RFC 5321 section 4.5.3.1.4 */
#define MSUB_SECRETS_MAX 24
#define MSUB_SECRET_LEAST 4

/* How long to wait, in seconds, for a step that has no time-out of its own in RFC 5321: a farewell, a word out of
   turn.  */
#define MSUB_MOMENT 2

/* Members are for the acts (smtp.c, login.c, transaction.c).  */
struct msub_smtp
{
  struct msub_connection *c;
  const char *helo;
  const char *without; /* EHLO keywords that do not count, as msub_capabilities_leave_out takes them, or NULL */
  bool chunking_untried; /* it is not known whether the server takes BDAT: not the whole message at once */
  int step_msecs;
  bool tls, verified;
  bool in_message;  /* from the message's first octet to its answer: no command may be sent, and no goodbye said */
  bool settled;     /* the last transaction has ended, and every reply has been read: another one may begin ... */
  bool dirty;       /* ... after a RSET */
  unsigned mails;   /* MAIL said so far */
  uint64_t replies; /* read so far */
  struct msub_capabilities caps;
  struct msub_reply_parser parser; /* the reply as it came: what the protocol goes by ... */
  struct msub_reply shown;         /* ... and without secrets: what is told of it */
  /* Every form of the credentials that has left or may come back; blotted out of what is told.  */
  char *secrets[MSUB_SECRETS_MAX];
  size_t secret_count;
};

/* Speak SMTP on C, which is taken over even on failure.  HELO: the argument of EHLO, which outlives it.  STEP_MSECS: upper
   bound for each step, or 0: then RFC 5321 section 4.5.3.2 alone.  NULL without memory.  */
struct msub_smtp *msub_smtp_new (struct msub_connection *c, const char *helo, int step_msecs);
void msub_smtp_free (struct msub_smtp **smtp);

/* A step's time, which begins: SECONDS, or less where the user said so.  Should it run out, the error tells it.  */
msub_time msub_smtp_usecs (const struct msub_smtp *smtp, int seconds);
msub_time msub_smtp_deadline (const struct msub_smtp *smtp, int seconds);

/* The trace: a line of ours ("C") or the server's ("S").  */
void msub_smtp_trace (const struct msub_smtp *smtp, const char *direction, const char *line, size_t n);

/* Remember SECRET, so that it is blotted out of everything that is told of what the server says from now on (SECURITY: E16).
   A secret of less than MSUB_SECRET_LEAST octets is not: its stars would show where it occurs in ordinary words, and so what
   it is, and hide nothing from who can try all of them.  -1 without memory: the conversation must not go on.  */
int msub_smtp_hide (struct msub_smtp *smtp, const char *secret, struct msub_error *err);

/* Blot the secrets out of the N octets of TEXT, which is for people.  */
void msub_smtp_blot (const struct msub_smtp *smtp, char *text, size_t n);

/* Read one reply; until the next it is msub_smtp_last's, and msub_smtp_shown's without secrets: whatever is told comes from
   that one.  */
int msub_smtp_read (struct msub_smtp *smtp, msub_time deadline, struct msub_error *err);
const struct msub_reply *msub_smtp_last (const struct msub_smtp *smtp);
const struct msub_reply *msub_smtp_shown (const struct msub_smtp *smtp);

/* Fill ERR from the last reply, which was to WHAT, at STEP (struct msub_error): KIND_5 for a 5yz, MSUB_DEFERRED for a 4yz,
   MSUB_PROTOCOL for anything else.  -1.  */
int msub_smtp_failed (const struct msub_smtp *smtp, enum msub_kind kind_5, const char *step, const char *what,
                      struct msub_error *err);

/* Note in ERR, which is filled, that the last reply, to STEP, is why.  */
void msub_smtp_note_reply (const struct msub_smtp *smtp, const char *step, struct msub_error *err);

/* Is the last reply about the name that this machine gives in EHLO?  Some servers say so not before RCPT.  */
bool msub_smtp_dislikes_name (const struct msub_smtp *smtp);
/* Have ERR say how to change it.  */
void msub_smtp_name_advice (const struct msub_smtp *smtp, struct msub_error *err);

/* Is CODE a farewell: 421, or 221, the answer to QUIT, which nobody has said (SECURITY: H3)?  */
bool msub_smtp_farewell (int code);
/* Is the last reply one?  */
bool msub_smtp_leaves (const struct msub_smtp *smtp);

/* What to say behind words that nobody has vouched for (SECURITY: L8); "" inside verified TLS.  Static.  */
const char *msub_smtp_doubt (const struct msub_smtp *smtp);

/* Before a command nothing may be unread: -1 when the server has spoken out of turn, or has gone.  */
int msub_smtp_silence (struct msub_smtp *smtp, struct msub_error *err);

/* Put a command line (without CRLF) into the flight.  SHOWN is what the trace shows of it, or NULL for all.  */
int msub_smtp_put (struct msub_smtp *smtp, const char *line, const char *shown, struct msub_error *err);
int msub_smtp_command (struct msub_smtp *smtp, struct msub_error *err, const char *format, ...)
  __attribute__ ((format (printf, 3, 4)));

/* Send the flight and read one reply, in SECONDS at most.  */
int msub_smtp_exchange (struct msub_smtp *smtp, int seconds, struct msub_error *err);

#endif
