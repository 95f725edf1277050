/* progress.h --- what has become of an envelope while its replies come in.

   Floor 7.  SPDX-License-Identifier: GPL-3.0-or-later  */

#ifndef MSUB_PROGRESS_H
#define MSUB_PROGRESS_H

#include "journal.h"
#include "offer.h"

/* RFC 5321 section 4.5.3.2.  */
enum
{
  MSUB_MAIL_SECONDS = 300,
  MSUB_RCPT_SECONDS = 300,
  MSUB_DATA_SECONDS = 120,
  MSUB_BLOCK_SECONDS = 180,
  MSUB_REST_SECONDS = 30, /* ours: for replies that can change nothing but what they contradict */
  MSUB_FINAL_SECONDS = 600,
};

/* The code of a failure that is not the server's word: it may work another time.  */
#define MSUB_NOT_ACCEPTED 451

struct msub_progress
{
  const struct msub_envelope *envelope;
  const struct msub_body_facts *facts;
  struct msub_journal journal;
  size_t accepted, refused;  /* recipients */
  bool *open;                /* which of the recipients are left for another transaction */
  size_t postponed;          /* how many of those that were answered */
  bool at_mail;              /* MAIL was refused, so it may be this session that is */
  bool session_over;         /* and says so, or an answer to a recipient does */
  const char *offer;         /* EHLO keywords that the server has offered and says no to, or NULL */
  const char *suspect;       /* the same, where it says nothing */
  bool unheard;              /* it has said nothing to OFFER, and nothing of the message counts yet */
  bool in_flight;            /* the message has left with the recipients, so that all answers are counted off */
  bool chunk_out;            /* a whole chunk has left, and was refused: some take its lines for commands */
  bool chunk_taken;          /* and was taken: all but saying that it was the last one */
  bool in_doubt;             /* everything has left, and the server has not said no: see transact */
  struct msub_error sender;  /* the sender is refused, in a flight that cannot be held back any more */
  struct msub_error no_for_good; /* the first recipient's that is refused for good */
  struct msub_error refusal; /* the first recipient's, or a later one's that may work another time */
  struct msub_error farewell; /* a 421 in the middle of a flight with the whole message in it */
};

/* The answer to MAIL, and to the RCPT of recipient number I, has been read.  When the whole message is out, a refusal is
   noted, and it has to be heard what the server says of the rest.  -1 with ERR: there is no going on.  */
int msub_progress_mail (struct msub_smtp *smtp, struct msub_progress *progress, struct msub_error *err);
int msub_progress_recipient (struct msub_smtp *smtp, size_t i, struct msub_progress *progress, struct msub_error *err);

/* The final dot is about to leave.  -1: it must not.  */
int msub_progress_dot (struct msub_progress *progress, struct msub_error *err);

/* The server has not answered, which may be because of what it offers: KEYWORD.  The next message will do without.  Always
   -1.  */
int msub_progress_unanswered (struct msub_progress *progress, const struct msub_smtp *smtp, const char *keyword,
                              const struct msub_error *err);

/* The server has said yes to what it can only say no to: an answer of its was none to our command (SECURITY: B7).  Always
   -1.  */
int msub_progress_contradiction (const struct msub_smtp *smtp, const char *what, struct msub_error *err);

/* The server has said something in the middle of the message, or broken the connection: what it said is why
   (SECURITY: H16).  No dot is sent.  Always -1.  */
int msub_progress_interrupted (struct msub_smtp *smtp, struct msub_error *err);

#endif
