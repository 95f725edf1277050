/* reply.h --- SMTP replies (RFC 5321 section 4.2), parsed octet by octet, and EHLO keywords.

   Floor 1, pure: no I/O, no clock, no allocation.  Fuzzed.
   SPDX-License-Identifier: GPL-3.0-or-later  */

#ifndef MSUB_REPLY_H
#define MSUB_REPLY_H

#include "error.h"

#include <stdint.h>

/* Bounds on what a server may say in one reply.  RFC 4954 section 4 asks for challenge lines of
   12288 octets; everything else in RFC 5321 is far shorter.  */
#define MSUB_REPLY_LINE_MAX 12300
#define MSUB_REPLY_LINES_MAX 1000
#define MSUB_REPLY_OCTETS_MAX 262144
/* What is kept of the text: enough for 300 EHLO keywords, or one full challenge.  */
#define MSUB_REPLY_TEXT_MAX 32768
/* What is shown of one line, its NUL included.  */
#define MSUB_REPLY_LINE_SHOWN 506

struct msub_reply
{
  int code;              /* 200..599, once complete */
  char enhanced[12];     /* "5.1.1" where the last line's text begins with one whose class is the
                            code's, else "" */
  unsigned lines;        /* lines in the reply */
  /* The lines' texts (what follows "250-" or "250 "), each ended by '\n', as they came: NUL and
     8-bit octets included.  TEXT_LENGTH says how much; beyond MSUB_REPLY_TEXT_MAX it is dropped.
     Always followed by a NUL that is not counted.  */
  char text[MSUB_REPLY_TEXT_MAX + 1];
  size_t text_length;
};

/* The parser's state: zero it (msub_reply_reset) before each reply.  Members are private.  */
struct msub_reply_parser
{
  struct msub_reply reply;
  unsigned column;       /* octets of the present line seen, CR and LF not counted */
  uint32_t octets;       /* of the whole reply */
  char head[16];         /* the present line's first octets: code, separator, enhanced code */
  bool cr;               /* the last octet was a CR; the next one says whether it was text */
  bool done;
};

void msub_reply_reset (struct msub_reply_parser *parser);

/* Feed N octets.  *USED_R says how many were taken: never one beyond the reply's last LF, so what
   is left over is something the server said unasked.  Returns 1 when the reply is complete (in
   parser->reply), 0 when more is needed, -1 with ERR of kind MSUB_PROTOCOL: a malformed or changing
   code, or a bound above exceeded; what was said is quoted in ERR as far as it is among the octets
   fed.  A bare LF ends a line as CRLF does, a bare CR is text.  After 1 or -1, reset before the
   next feed.  */
int msub_reply_feed (struct msub_reply_parser *parser, const char *octets, size_t n, size_t *used_r,
                     struct msub_error *err);

/* Nothing more will come.  Is what has come a refusal, but for its end?  Then it is the reply: the code has been said.  */
bool msub_reply_cut_off (struct msub_reply_parser *parser);

/* The reply's lines as they came, without the code: each is cleaned (msub_text_clean) and ended by '\n'.  What does not fit
   into SIZE octets is left out, by whole lines.  A line that is no UTF-8 keeps its octets (msub_text_octets).  */
void msub_reply_lines (const struct msub_reply *reply, char *dst, size_t size);

/* The reply as one line for people: the code, then the lines' texts joined by a space (empty ones
   left out, tabs shown as spaces, the enhanced code once); at most SIZE octets with the NUL, cleaned
   by msub_text_clean.  */
void msub_reply_words (const struct msub_reply *reply, char *dst, size_t size);

/* The keywords of EHLO that are offered or not, and their members.  */
#define MSUB_CAPABILITY_FLAGS(FLAG) \
  FLAG ("STARTTLS", starttls) \
  FLAG ("PIPELINING", pipelining) \
  FLAG ("8BITMIME", eightbitmime) \
  FLAG ("SMTPUTF8", smtputf8) \
  FLAG ("CHUNKING", chunking) \
  FLAG ("BINARYMIME", binarymime) \
  FLAG ("DSN", dsn) \
  FLAG ("ENHANCEDSTATUSCODES", enhanced_status_codes) \
  FLAG ("SIZE", size) \
  FLAG ("REQUIRETLS", requiretls)       /* RFC 8689 */ \
  FLAG ("DELIVERBY", deliverby)         /* RFC 2852 */ \
  FLAG ("FUTURERELEASE", futurerelease) /* RFC 4865 */ \
  FLAG ("MT-PRIORITY", mt_priority)     /* RFC 6710 */

/* What EHLO offered (RFC 5321 section 4.1.1.1).  */
/* The room for a time such as "2026-12-24T18:00:00Z".  */
#define MSUB_TIME 21

struct msub_capabilities
{
#define FLAG(keyword, member) bool member;
  MSUB_CAPABILITY_FLAGS (FLAG)
#undef FLAG
  uint64_t size_limit;   /* SIZE: this many octets at most; 0: no limit known */
  uint64_t deliver_by_least;  /* DELIVERBY: so many seconds at least where mail is returned then; 0: any */
  uint64_t hold_most;         /* FUTURERELEASE: so many seconds at most, 0: not known ... */
  char hold_latest[MSUB_TIME]; /* ... and until then, in UTC, or "" */
  /* LIMITS (RFC 9422 section 4), 0 where there is none: RCPTMAX, RCPTDOMAINMAX, MAILMAX.  */
  unsigned recipients_max, domains_max, mails_max;
  bool auth;             /* AUTH was offered ... */
  char mechanisms[512];  /* ... with these, upper case, separated by one space, whole tokens only */
  char names[1024];      /* every keyword, upper case, each ended by '\n', as far as they fit */
};

/* Read the keywords from lines 2..n of an EHLO reply.  Whole first words count, without regard to
   case; a keyword with an octet outside A-Z a-z 0-9 and '-' is not known.  "AUTH=LOGIN" (an old
   form) is read as AUTH.  */
void msub_capabilities_parse (const struct msub_reply *reply, struct msub_capabilities *caps_r);

/* As if CAPS did not have KEYWORDS, words in upper case with commas between them.  */
void msub_capabilities_leave_out (struct msub_capabilities *caps, const char *keywords);

/* Is MECHANISM (upper case) one of CAPS' mechanisms, as a whole token?  */
bool msub_capabilities_offer (const struct msub_capabilities *caps, const char *mechanism);

#endif
