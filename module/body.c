/* body.c --- the message on its way to the wire: line ends, dot stuffing, and what is in it.

   Floor 1, pure.  All state is in struct msub_body, so where the input is cut into calls makes no
   difference (SECURITY: J5).  Work is done by runs of octets between line ends, each found once.
   SPDX-License-Identifier: GPL-3.0-or-later  */

#include "body.h"

#include <string.h>

void
msub_body_reset (struct msub_body *body, bool stuff)
{
  memset (body, 0, sizeof *body);
  body->stuff = stuff;
}

/* Is there an octet above 127 among the N at S?  */
static bool
has_eight_bit (const char *s, size_t n)
{
  uint64_t word, all = 0;
  for (; n >= sizeof word; n -= sizeof word, s += sizeof word)
    {
      memcpy (&word, s, sizeof word);
      all |= word;
    }
  for (; n > 0; n--)
    all |= (unsigned char) *s++;
  return (all & UINT64_C (0x8080808080808080)) != 0;
}

/* Is the header UTF-8, with the N octets of RUN?  A character may be cut by the border of two blocks, but not by a line's
   end.  */
static void
check_utf8 (struct msub_body *body, const char *run, size_t n)
{
  for (const char *end = run + n; run < end && !body->facts.other_header; run++)
    {
      uint8_t c = (uint8_t) *run;
      if (body->more > 0)
        {
          body->facts.other_header = c < body->least || c > body->most;
          body->more--;
        }
      else if (c >= 0x80)
        {
          body->facts.other_header = c < 0xC2 || c > 0xF4;
          body->more = c < 0xE0 ? 1 : c < 0xF0 ? 2 : 3;
        }
      /* No overlong forms, no surrogates, nothing above U+10FFFF.  */
      body->least = c == 0xE0 ? 0xA0 : c == 0xF0 ? 0x90 : 0x80;
      body->most = c == 0xED ? 0x9F : c == 0xF4 ? 0x8F : 0xBF;
    }
}

/* Write N octets (at least one) without CR and LF to OUT, which may be NULL.  Returns the octets
   written.  */
static size_t
put_run (struct msub_body *body, const char *run, size_t n, char *out)
{
  struct msub_body_facts *facts = &body->facts;
  size_t dot = body->stuff && body->column == 0 && *run == '.' ? 1 : 0;
  if (facts->first_nul == 0 && memchr (run, '\0', n))
    facts->first_nul = facts->lines + 1;
  if (!facts->eight_bit || !(facts->eight_bit_header || body->body))
    if (has_eight_bit (run, n))
      {
        facts->eight_bit = true;
        facts->eight_bit_header |= !body->body;
      }
  if (!body->body && facts->eight_bit_header)
    check_utf8 (body, run, n);
  facts->octets += n;
  body->column += n;
  if (!out)
    return 0;
  if (dot)
    out[0] = '.';
  memcpy (out + dot, run, n);
  return dot + n;
}

static size_t
put_line_end (struct msub_body *body, char *out)
{
  struct msub_body_facts *facts = &body->facts;
  facts->other_header |= !body->body && body->more > 0;
  if (body->column == 0)
    body->body = true;
  facts->lines++;
  if (body->column > facts->longest_line)
    facts->longest_line = body->column;
  if (body->column > MSUB_BODY_LINE_MAX && facts->first_long == 0)
    facts->first_long = facts->lines;
  body->column = 0;
  facts->octets += 2;
  if (!out)
    return 0;
  memcpy (out, "\r\n", 2);
  return 2;
}

/* No LF has come after those CRs: all but KEPT of them are line ends, too.  */
static size_t
put_late_line_ends (struct msub_body *body, unsigned kept, char *out)
{
  size_t written = 0;
  for (; body->more_cr > kept; body->more_cr--)
    written += put_line_end (body, out ? out + written : NULL);
  return written;
}

/* The first C in P .. END, or END.  */
static const char *
find (const char *p, const char *end, char c)
{
  const char *found = memchr (p, c, (size_t) (end - p));
  return found ? found : end;
}

size_t
msub_body_encode (struct msub_body *body, const char *in, size_t n, char *out)
{
  if (n == 0)
    return 0;
  size_t written = 0;
  body->facts.raw_octets += n;
  const char *p = in, *end = in + n;
  /* The next CR and the next LF are looked for apart and kept, so a message that has only one of
     them is not searched for the other one line by line.  */
  const char *cr = find (p, end, '\r'), *lf = find (p, end, '\n');
  while (p < end)
    {
      bool after_cr = body->cr;
      body->cr = false;
      if (after_cr && p == lf)
        {
          body->more_cr = 0;
          p++;
        }
      else if (after_cr && p == cr)
        {
          written += put_late_line_ends (body, MSUB_BODY_CR_MAX - 2, out ? out + written : NULL);
          body->facts.bare_cr = body->cr = true;
          body->more_cr++;
          p++;
        }
      else
        {
          body->facts.bare_cr |= after_cr;
          body->facts.bare_header |= after_cr && !body->body;
          written += put_late_line_ends (body, 0, out ? out + written : NULL);
          const char *stop = cr < lf ? cr : lf;
          if (p < stop)
            written += put_run (body, p, (size_t) (stop - p), out ? out + written : NULL);
          p = stop;
          if (p < end)
            {
              body->facts.bare_lf |= p == lf;
              body->facts.bare_header |= p == lf && !body->body;
              written += put_line_end (body, out ? out + written : NULL);
              body->cr = p == cr;
              p++;
            }
        }
      if (cr < p)
        cr = find (p, end, '\r');
      if (lf < p)
        lf = find (p, end, '\n');
    }
  return written;
}

size_t
msub_body_finish (struct msub_body *body, char *out)
{
  body->facts.bare_cr |= body->cr;
  return body->column > 0 ? put_line_end (body, out) : put_late_line_ends (body, 0, out);
}
