/* fuzz-body.c --- the message encoder under any input, cut in any way.

   The first octet says whether dots are doubled, the second seeds the sizes of the pieces.
   SPDX-License-Identifier: GPL-3.0-or-later  */

#include "../../module/body.h"
#include "fuzz.h"

#include <string.h>

/* Encode in pieces whose sizes follow from SEED (0: all at once), each to room of just the promised
   size.  Returns the octets in OUT.  */
static size_t
encode (struct msub_body *body, const char *in, size_t n, bool stuff, unsigned seed, char *out)
{
  size_t length = 0;
  msub_body_reset (body, stuff);
  for (size_t at = 0, piece; at < n; at += piece)
    {
      seed = seed * 1103515245u + 12345u;
      piece = n - at;
      if (seed != 12345u && piece > (seed >> 16) % 19)
        piece = (seed >> 16) % 19;
      char *room = malloc (MSUB_BODY_BOUND (piece));
      MUST (room != NULL);
      size_t written = msub_body_encode (body, in + at, piece, room);
      MUST (written <= MSUB_BODY_BOUND (piece));
      memcpy (out + length, room, written);
      length += written;
      free (room);
    }
  return length + msub_body_finish (body, out + length);
}

/* How long the line end is at the beginning of the N octets of IN.  */
static size_t
line_end (const char *in, size_t n)
{
  size_t crs = 0;
  while (crs < n && crs < MSUB_BODY_CR_MAX && in[crs] == '\r')
    crs++;
  return crs < n && in[crs] == '\n' ? crs + 1 : crs > 0;
}

/* The N octets of IN with every line end a CRLF, and one at the end.  */
static size_t
normalise (const char *in, size_t n, char *out)
{
  size_t length = 0;
  for (size_t i = 0; i < n; i++)
    if (in[i] == '\r' || in[i] == '\n')
      {
        i += line_end (in + i, n - i) - 1;
        out[length++] = '\r';
        out[length++] = '\n';
      }
    else
      out[length++] = in[i];
  if (length > 0 && out[length - 1] != '\n')
    {
      out[length++] = '\r';
      out[length++] = '\n';
    }
  return length;
}

/* Take the doubled dots out of OUT as a server does.  Whatever would end the message or is not CRLF
   is a broken promise.  */
static size_t
unstuff (char *out, size_t n)
{
  size_t length = 0;
  bool start = true;
  for (size_t i = 0; i < n; i++)
    {
      if (start && out[i] == '.')
        {
          MUST (i + 1 < n && out[i + 1] != '\r');
          i++;
        }
      MUST (out[i] != '\r' || (i + 1 < n && out[i + 1] == '\n'));
      MUST (out[i] != '\n' || (i > 0 && out[i - 1] == '\r'));
      start = out[i] == '\n';
      out[length++] = out[i];
    }
  MUST (start);
  return length;
}

/* The facts, gathered from the normalised message WANT and the original IN.  */
static void
check_facts (const struct msub_body_facts *facts, const char *want, size_t want_n, const char *in,
             size_t n)
{
  struct msub_body_facts f = { .octets = want_n, .raw_octets = n };
  bool header = true;
  for (size_t i = 0, column = 0; i < want_n; i++)
    {
      if (want[i] == '\r')
        {
          f.lines++;
          header = header && column > 0;
          f.longest_line = column > f.longest_line ? column : f.longest_line;
          f.first_long = f.first_long == 0 && column > MSUB_BODY_LINE_MAX ? f.lines : f.first_long;
          column = 0;
          i++;
          continue;
        }
      column++;
      if (want[i] == '\0' && f.first_nul == 0)
        f.first_nul = f.lines + 1;
      f.eight_bit |= (unsigned char) want[i] > 127;
      f.eight_bit_header |= (unsigned char) want[i] > 127 && header;
    }
  for (size_t i = 0; i < n; i++)
    {
      f.bare_cr |= in[i] == '\r' && (i + 1 == n || in[i + 1] != '\n');
      f.bare_lf |= in[i] == '\n' && (i == 0 || in[i - 1] != '\r');
    }
  MUST (facts->octets == f.octets && facts->raw_octets == f.raw_octets && facts->lines == f.lines);
  MUST (facts->longest_line == f.longest_line && facts->first_nul == f.first_nul);
  MUST (facts->first_long == f.first_long);
  MUST (facts->eight_bit == f.eight_bit && facts->eight_bit_header == f.eight_bit_header);
  MUST (facts->bare_cr == f.bare_cr && facts->bare_lf == f.bare_lf);
  MUST (!facts->bare_header || facts->bare_cr || facts->bare_lf);
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  if (size < 2)
    return 0;
  bool stuff = data[0] & 1;
  const char *in = (const char *) data + 2;
  size_t n = size - 2;
  char *whole = malloc (MSUB_BODY_BOUND (n)), *cut = malloc (MSUB_BODY_BOUND (n));
  char *want = malloc (MSUB_BODY_BOUND (n));
  MUST (whole && cut && want);
  struct msub_body body, body_cut, body_dry;
  size_t whole_n = encode (&body, in, n, stuff, 0, whole);
  size_t cut_n = encode (&body_cut, in, n, stuff, data[1] + 1u, cut);
  size_t want_n = normalise (in, n, want);
  MUST (whole_n == cut_n && memcmp (whole, cut, cut_n) == 0);
  check_facts (&body.facts, want, want_n, in, n);
  check_facts (&body_cut.facts, want, want_n, in, n);

  msub_body_reset (&body_dry, stuff);
  MUST (msub_body_encode (&body_dry, in, n, NULL) == 0 && msub_body_finish (&body_dry, NULL) == 0);
  check_facts (&body_dry.facts, want, want_n, in, n);

  if (stuff)
    whole_n = unstuff (whole, whole_n);
  MUST (whole_n == want_n && memcmp (whole, want, want_n) == 0);
  MUST (want_n == body.facts.octets);
  free (whole);
  free (cut);
  free (want);
  return 0;
}
