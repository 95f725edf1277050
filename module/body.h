/* body.h --- the message on its way to the wire: line ends, dot stuffing, and what is in it.

   Floor 1, pure: no I/O, no allocation.  Fuzzed.  Normalise first, stuff second (SECURITY: J1-J5),
   so no message can end its own transaction.
   SPDX-License-Identifier: GPL-3.0-or-later  */

#ifndef MSUB_BODY_H
#define MSUB_BODY_H

#include "error.h"

#include <stdint.h>

/* What a message holds, measured on its wire form without dot stuffing (so octets is what SIZE
   means, RFC 1870 section 5).  Complete after msub_body_finish: only that counts a last line
   without an end, and only that knows that a last CR is a lone one.  */
struct msub_body_facts
{
  uint64_t octets;
  uint64_t raw_octets;    /* as they came in, before line ends were made CRLF */
  uint64_t lines;
  uint64_t longest_line;  /* octets, CRLF not counted */
  uint64_t first_nul;     /* line number (1-based) of the first NUL, or 0 */
  uint64_t first_long;    /* ... of the first line over MSUB_BODY_LINE_MAX */
  bool eight_bit;         /* an octet above 127 anywhere */
  bool eight_bit_header;  /* ... before the first empty line ... */
  bool other_header;      /* ... where it is not UTF-8 (RFC 3629) */
  bool bare_cr, bare_lf;  /* line ends that are not CRLF in the original */
  bool bare_header;       /* ... before the first empty line */
};

/* The encoder's state.  Zero it before a message; the members are private.  */
struct msub_body
{
  struct msub_body_facts facts;
  uint64_t column;        /* octets of the present line so far */
  bool cr;                /* the last input octet was a CR, already written as CRLF ... */
  uint8_t more_cr;        /* ... but so many, which an LF makes one line end with it */
  bool body;              /* past the first empty line */
  uint8_t more, least, most; /* in a UTF-8 character: octets to come, and what the next one may be */
  bool stuff;             /* double leading dots (DATA), or not (BDAT) */
};

/* How many octets a line may have (RFC 5321 section 4.5.3.1.6, without its CRLF).  */
#define MSUB_BODY_LINE_MAX 998

/* So many CRs at most make one line end with the LF behind them.  Programs that write CRLF where CRLF is made of each LF have
   two, and no message is meant to have its lines apart or its header ended by that.  */
#define MSUB_BODY_CR_MAX 8

/* STUFF: double the leading dots, as DATA needs it.  */
void msub_body_reset (struct msub_body *body, bool stuff);

/* At most this many octets leave for N that enter: an LF alone becomes two, a leading dot two, and CRs may have been held
   back.  */
#define MSUB_BODY_BOUND(n) (2 * (n) + 2 * MSUB_BODY_CR_MAX)

/* Encode N octets of IN to OUT, which has room for MSUB_BODY_BOUND (N).  CRLF, a lone CR and a lone
   LF each become CRLF, and so do several CRs and an LF, also where they come in different calls.  Returns the octets written.
   OUT may be NULL: then nothing is written, only the facts are gathered, and 0 is returned.  */
size_t msub_body_encode (struct msub_body *body, const char *in, size_t n, char *out);

/* End the message: a last line without an end gets CRLF.  The final dot is not this function's.
   OUT has room for MSUB_BODY_BOUND (0) octets, or is NULL.  Returns the octets written.  An empty message stays
   empty.  */
size_t msub_body_finish (struct msub_body *body, char *out);

#endif
