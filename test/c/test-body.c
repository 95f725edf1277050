/* test-body.c --- line ends, dot stuffing and what is in a message, by the rows of SECURITY
   section J.

   Each row is encoded whole, octet by octet and cut in two and in three at every place, with and
   without stuffing, and without output: all must agree.
   SPDX-License-Identifier: GPL-3.0-or-later  */

#define _POSIX_C_SOURCE 200809L
#include "../../module/body.h"
#include "tap.h"

#include <stdlib.h>

/* IN becomes PLAIN without stuffing and STUFFED with it.  FLAGS: r bare CR, n bare LF, 8 an octet
   above 127 in the body, h one in the header, o which is not UTF-8.  */
static const struct row
{
  const char *name, *in;
  size_t in_n;
  const char *plain;
  size_t plain_n;
  const char *stuffed;
  size_t stuffed_n;
  const char *flags;
  unsigned lines, longest, nul;
} rows[] = {
#define O(literal) TAP_OCTETS (literal)
#define SAME(literal) O (literal), O (literal)
  { "J7: empty", O (""), SAME (""), "", 0, 0, 0 },
  { "J1: CRLF", O ("a\r\nbc\r\n"), SAME ("a\r\nbc\r\n"), "", 2, 2, 0 },
  { "J1: LF", O ("a\nbc\n"), SAME ("a\r\nbc\r\n"), "n", 2, 2, 0 },
  { "J2: CR", O ("a\rbc\r"), SAME ("a\r\nbc\r\n"), "r", 2, 2, 0 },
  { "J1: all three", O ("a\r\nb\nc\rd\r\n"), SAME ("a\r\nb\r\nc\r\nd\r\n"), "rn", 4, 1, 0 },
  { "J7: no line end at the end", O ("a\r\nbc"), SAME ("a\r\nbc\r\n"), "", 2, 2, 0 },
  { "J7: one octet", O ("a"), SAME ("a\r\n"), "", 1, 1, 0 },
  { "J7: one line end", O ("\r\n"), SAME ("\r\n"), "", 1, 0, 0 },
  { "J2: one CR", O ("\r"), SAME ("\r\n"), "r", 1, 0, 0 },
  { "one LF", O ("\n"), SAME ("\r\n"), "n", 1, 0, 0 },
  { "J2: a CR in a line", O ("a\rb\r\n"), SAME ("a\r\nb\r\n"), "r", 2, 1, 0 },
  { "J2: a CR at the end", O ("a\r\nb\r"), SAME ("a\r\nb\r\n"), "r", 2, 1, 0 },
  { "J9: a lone CR in the header", O ("To: a\rBcc: b\r\n\r\n"), SAME ("To: a\r\nBcc: b\r\n\r\n"),
    "r", 3, 6, 0 },
  { "J2: CR CR LF", O ("a\r\r\nb\r\n"), SAME ("a\r\nb\r\n"), "r", 2, 1, 0 },
  { "J2: CR CR LF, and an empty line", O ("a\r\r\n\r\r\n\xE9"), SAME ("a\r\n\r\n\xE9\r\n"), "8r", 3, 1, 0 },
  { "J2: CR CR CR LF", O ("a\r\r\r\nb"), SAME ("a\r\nb\r\n"), "r", 2, 1, 0 },
  { "J2: eight CR and LF", O ("a\r\r\r\r\r\r\r\r\nb"), SAME ("a\r\nb\r\n"), "r", 2, 1, 0 },
  { "J2: nine CR and LF", O ("\r\r\r\r\r\r\r\r\r\nb"), SAME ("\r\n\r\nb\r\n"), "r", 3, 1, 0 },
  { "J2: CR CR at the end", O ("a\r\r"), SAME ("a\r\n\r\n"), "r", 2, 1, 0 },
  { "J9: CR CR in the header", O ("a\r\rb\r\n"), SAME ("a\r\n\r\nb\r\n"), "r", 3, 1, 0 },
  { "J3: CR CR LF, a dot, CR CR LF", O ("a\r\r\n.\r\r\nb"), O ("a\r\n.\r\nb\r\n"), O ("a\r\n..\r\nb\r\n"),
    "r", 3, 1, 0 },
  { "CR CR CR", O ("\r\r\r"), SAME ("\r\n\r\n\r\n"), "r", 3, 0, 0 },
  { "LF CR", O ("a\n\rb"), SAME ("a\r\n\r\nb\r\n"), "rn", 3, 1, 0 },
  { "LF CR LF", O ("a\n\r\nb\r\n"), SAME ("a\r\n\r\nb\r\n"), "n", 3, 1, 0 },
  { "CR LF LF", O ("a\r\n\nb\r\n"), SAME ("a\r\n\r\nb\r\n"), "n", 3, 1, 0 },
  { "CR LF CR", O ("a\r\n\rb\r\n"), SAME ("a\r\n\r\nb\r\n"), "r", 3, 1, 0 },
  { "CR LF CR LF CR LF", O ("\r\n\r\n\r\n"), SAME ("\r\n\r\n\r\n"), "", 3, 0, 0 },

  { "dot: alone", O ("."), O (".\r\n"), O ("..\r\n"), "", 1, 1, 0 },
  { "dot: alone in its line", O (".\r\n"), O (".\r\n"), O ("..\r\n"), "", 1, 1, 0 },
  { "dot: two", O ("..\r\n"), O ("..\r\n"), O ("...\r\n"), "", 1, 2, 0 },
  { "dot: nothing else", O (".\n.\r.\r\n."), O (".\r\n.\r\n.\r\n.\r\n"),
    O ("..\r\n..\r\n..\r\n..\r\n"), "rn", 4, 1, 0 },
  { "dot: not at the beginning", O ("a.\r\nb.c\r\n"), SAME ("a.\r\nb.c\r\n"), "", 2, 3, 0 },
  { "dot: in front of text", O ("a\r\n.b\r\n"), O ("a\r\n.b\r\n"),
    O ("a\r\n..b\r\n"), "", 2, 2, 0 },
  { "J3: CRLF.CRLF and commands", O ("a\r\n.\r\nMAIL FROM:<b>\r\n"),
    O ("a\r\n.\r\nMAIL FROM:<b>\r\n"),
    O ("a\r\n..\r\nMAIL FROM:<b>\r\n"), "", 3, 13, 0 },
  { "J3: LF.LF", O ("a\n.\nb\n"), O ("a\r\n.\r\nb\r\n"), O ("a\r\n..\r\nb\r\n"), "n", 3, 1, 0 },
  { "J3: CRLF.LF", O ("a\r\n.\nb\r\n"), O ("a\r\n.\r\nb\r\n"),
    O ("a\r\n..\r\nb\r\n"), "n", 3, 1, 0 },
  { "J3: LF.CRLF", O ("a\n.\r\nb\r\n"), O ("a\r\n.\r\nb\r\n"),
    O ("a\r\n..\r\nb\r\n"), "n", 3, 1, 0 },
  { "J4: CR.CRLF", O ("a\r.\r\nb\r\n"), O ("a\r\n.\r\nb\r\n"),
    O ("a\r\n..\r\nb\r\n"), "r", 3, 1, 0 },
  { "J4: CRLF.CR", O ("a\r\n.\rb\r\n"), O ("a\r\n.\r\nb\r\n"),
    O ("a\r\n..\r\nb\r\n"), "r", 3, 1, 0 },
  { "J4: CR.CR", O ("a\r.\rb"), O ("a\r\n.\r\nb\r\n"), O ("a\r\n..\r\nb\r\n"), "r", 3, 1, 0 },
  { "J4: LF.CRCRLF", O ("a\n.\r\r\nb\r\n"), O ("a\r\n.\r\nb\r\n"),
    O ("a\r\n..\r\nb\r\n"), "rn", 3, 1, 0 },
  { "J4: CR.CRCRLF", O ("a\r.\r\r\nb\r\n"), O ("a\r\n.\r\nb\r\n"),
    O ("a\r\n..\r\nb\r\n"), "r", 3, 1, 0 },
  { "J4: CRLF NUL.CRLF", O ("a\r\n\0.\r\nb\r\n"), SAME ("a\r\n\0.\r\nb\r\n"), "", 3, 2, 2 },
  { "J4: CRLF.NUL CRLF", O ("a\r\n.\0\r\nb\r\n"), O ("a\r\n.\0\r\nb\r\n"),
    O ("a\r\n..\0\r\nb\r\n"), "", 3, 2, 2 },

  { "J8: NUL in the first line", O ("a\0b\r\nc\0\r\n"), SAME ("a\0b\r\nc\0\r\n"), "", 2, 3, 1 },
  { "J8: NUL in the third, without an end", O ("a\n\n\0"), SAME ("a\r\n\r\n\0\r\n"), "n", 3, 1, 3 },
  { "J8: 8-bit in the body", O ("a: b\r\n\r\n\xC3\xA9\r\n"), SAME ("a: b\r\n\r\n\xC3\xA9\r\n"),
    "8", 3, 4, 0 },
  { "J8: 8-bit in the header", O ("a: \xC3\xA9\r\n\r\nb\r\n"), SAME ("a: \xC3\xA9\r\n\r\nb\r\n"),
    "8h", 3, 5, 0 },
  { "J8: 8-bit in both", O ("a: \xE9\n\n\xE9\n"), SAME ("a: \xE9\r\n\r\n\xE9\r\n"),
    "8hon", 3, 4, 0 },
  { "J8: a header without a body", O ("a: \xE9"), SAME ("a: \xE9\r\n"), "8ho", 1, 4, 0 },
  { "J8: a body without a header", O ("\r\n\xE9\r\n"), SAME ("\r\n\xE9\r\n"), "8", 2, 1, 0 },
  { "the header ends where CR CR is", O ("a\r\r\xE9\r\n"), SAME ("a\r\n\r\n\xE9\r\n"),
    "8r", 3, 1, 0 },
  { "CR LF alone does not end the header", O ("a\r\n\xE9\r\n"), SAME ("a\r\n\xE9\r\n"),
    "8ho", 2, 1, 0 },
  { "eight and more octets, the last above 127", O ("12345678901234567\xFF"),
    SAME ("12345678901234567\xFF\r\n"),
    "8ho", 1, 18, 0 },
  { "eight and more octets, the first above 127", O ("\xFF" "1234567890123456"),
    SAME ("\xFF" "1234567890123456\r\n"),
    "8ho", 1, 17, 0 },
  { "eight and more octets, the last but one above 127", O ("12345678\xFF" "0"),
    SAME ("12345678\xFF" "0\r\n"),
    "8ho", 1, 10, 0 },
  { "J13: characters of two, three and four octets, each the last of its kind",
    O ("a: \xC2\x80\xDF\xBF\xE0\xA0\x80\xED\x9F\xBF\xEF\xBF\xBF\xF0\x90\x80\x80\xF4\x8F\xBF\xBF z\n"),
    SAME ("a: \xC2\x80\xDF\xBF\xE0\xA0\x80\xED\x9F\xBF\xEF\xBF\xBF\xF0\x90\x80\x80\xF4\x8F\xBF\xBF z\r\n"),
    "8hn", 1, 26, 0 },
  { "J13: UTF-8, and Latin-1 in the body", O ("\xC3\xA9\n\n\xE9\n"), SAME ("\xC3\xA9\r\n\r\n\xE9\r\n"),
    "8hn", 3, 2, 0 },
  { "J13: no UTF-8: overlong slash", O ("a: b \xC0\xAF\n"), SAME ("a: b \xC0\xAF\r\n"),
    "8hon", 1, 7, 0 },
  { "J13: no UTF-8: overlong, three octets", O ("a: b \xE0\x9F\xBF\n"), SAME ("a: b \xE0\x9F\xBF\r\n"),
    "8hon", 1, 8, 0 },
  { "J13: no UTF-8: a surrogate", O ("a: b \xED\xA0\x80\n"), SAME ("a: b \xED\xA0\x80\r\n"),
    "8hon", 1, 8, 0 },
  { "J13: no UTF-8: overlong, four octets", O ("a: b \xF0\x8F\xBF\xBF\n"), SAME ("a: b \xF0\x8F\xBF\xBF\r\n"),
    "8hon", 1, 9, 0 },
  { "J13: no UTF-8: above U+10FFFF", O ("a: b \xF4\x90\x80\x80\n"), SAME ("a: b \xF4\x90\x80\x80\r\n"),
    "8hon", 1, 9, 0 },
  { "J13: no UTF-8: five octets", O ("a: b \xF8\x88\x80\x80\x80\n"), SAME ("a: b \xF8\x88\x80\x80\x80\r\n"),
    "8hon", 1, 10, 0 },
  { "J13: no UTF-8: a continuation alone", O ("a: b \x80\n"), SAME ("a: b \x80\r\n"),
    "8hon", 1, 6, 0 },
  { "J13: no UTF-8: a character that ends too soon", O ("a: b \xE6\x97" "x\n"), SAME ("a: b \xE6\x97" "x\r\n"),
    "8hon", 1, 8, 0 },
  { "J13: no UTF-8: one cut by the line's end", O ("a: b \xE6\x97\n"), SAME ("a: b \xE6\x97\r\n"),
    "8hon", 1, 7, 0 },
  { "J13: no UTF-8: a character cut by a line's end, and gone on with", O ("a\xC3\r\n\xA9\r\n"),
    SAME ("a\xC3\r\n\xA9\r\n"), "8ho", 2, 2, 0 },
#undef SAME
#undef O
};

static const char *
show_flags (const struct msub_body_facts *facts, char *dst)
{
  size_t n = 0;
  if (facts->eight_bit)
    dst[n++] = '8';
  if (facts->eight_bit_header)
    dst[n++] = 'h';
  if (facts->other_header)
    dst[n++] = 'o';
  if (facts->bare_cr)
    dst[n++] = 'r';
  if (facts->bare_lf)
    dst[n++] = 'n';
  dst[n] = '\0';
  return dst;
}

/* Encode the N octets of IN, of which there is a copy of exactly that size, and append to OUT at
   OUT_N.  The room is exactly what the header promises to be enough.  */
static size_t
encode (struct msub_body *body, const char *in, size_t n, char *out, size_t out_n, bool write)
{
  char *block = malloc (n ? n : 1), *room = write ? malloc (MSUB_BODY_BOUND (n)) : NULL;
  size_t length = 0;
  if (tap_expect (block && (room || !write), "out of memory"))
    {
      memcpy (block, in, n);
      length = msub_body_encode (body, block, n, room);
      tap_expect (length <= MSUB_BODY_BOUND (n), "%zu octets from %zu", length, n);
      if (write)
        memcpy (out + out_n, room, length);
    }
  free (block);
  free (room);
  return out_n + length;
}

/* Encode ROW in the pieces 0 .. FIRST .. SECOND .. end; STEP > 0: each of them in steps.  */
static void
expect_row (const struct row *row, bool stuff, bool write, size_t first, size_t second, size_t step)
{
  const size_t edges[] = { 0, first, second, row->in_n };
  char out[256], flags[8];
  size_t n = 0;
  struct msub_body body;
  msub_body_reset (&body, stuff);
  for (size_t e = 0; e < 3; e++)
    for (size_t at = edges[e], piece; at < edges[e + 1]; at += piece)
      {
        piece = edges[e + 1] - at;
        if (step > 0 && piece > step)
          piece = step;
        n = encode (&body, row->in + at, piece, out, n, write);
      }
  n += msub_body_finish (&body, write ? out + n : NULL);
  if (write)
    tap_expect_octets ("the output", out, n, stuff ? row->stuffed : row->plain,
                       stuff ? row->stuffed_n : row->plain_n);
  else
    tap_expect_int ("octets written without output", (long long) n, 0);
  tap_expect_int ("octets", (long long) body.facts.octets, (long long) row->plain_n);
  tap_expect_int ("octets that came in", (long long) body.facts.raw_octets, (long long) row->in_n);
  tap_expect_int ("lines", (long long) body.facts.lines, row->lines);
  tap_expect_int ("the longest line", (long long) body.facts.longest_line, row->longest);
  tap_expect_int ("the first NUL's line", (long long) body.facts.first_nul, row->nul);
  tap_expect_text ("the flags", show_flags (&body.facts, flags), row->flags);
}

static void
test_rows (void)
{
  for (size_t r = 0; r < TAP_COUNT (rows); r++)
    {
      const struct row *row = &rows[r];
      tap_begin ("body: %s, J5: cut everywhere", row->name);
      for (int mode = 0; mode < 4; mode++)
        {
          bool stuff = mode & 1, write = mode & 2;
          for (size_t first = 0; first <= row->in_n; first++)
            for (size_t second = first; second <= row->in_n; second++)
              expect_row (row, stuff, write, first, second, 0);
          for (size_t step = 1; step < 4; step++)
            expect_row (row, stuff, write, 0, 0, step);
        }
      tap_end ();
    }
}

/* What body.h promises, written as plainly as can be.  Returns the octets in OUT.  */
static size_t
encode_plainly (const char *in, size_t n, bool stuff, char *out)
{
  size_t length = 0;
  bool start = true;
  for (size_t i = 0; i < n; i++)
    {
      size_t crs = 0;
      while (i + crs < n && in[i + crs] == '\r')
        crs++;
      if (crs > 0 && crs <= MSUB_BODY_CR_MAX && i + crs < n && in[i + crs] == '\n')
        i += crs;
      bool end = in[i] == '\r' || in[i] == '\n';
      if (start && stuff && in[i] == '.')
        out[length++] = '.';
      if (end)
        out[length++] = '\r';
      out[length++] = end ? '\n' : in[i];
      start = end;
    }
  if (!start)
    {
      out[length++] = '\r';
      out[length++] = '\n';
    }
  return length;
}

/* Every message of six characters from an alphabet of trouble, with every cut in two.  */
static void
test_every_short_message (void)
{
  static const char alphabet[] = { 'a', '.', '\r', '\n', '\0' };
  for (int stuff = 0; stuff < 2; stuff++)
    {
      tap_begin ("body: every message of six octets, %s", stuff ? "stuffed" : "plain");
      for (unsigned number = 0; number < 5 * 5 * 5 * 5 * 5 * 5; number++)
        {
          char in[6], want[32], out[32];
          unsigned rest = number;
          for (size_t i = 0; i < sizeof in; i++, rest /= 5)
            in[i] = alphabet[rest % 5];
          size_t want_n = encode_plainly (in, sizeof in, stuff, want);
          for (size_t cut = 0; cut < sizeof in; cut++)
            {
              struct msub_body body;
              msub_body_reset (&body, stuff);
              size_t n = msub_body_encode (&body, in, cut, out);
              n += msub_body_encode (&body, in + cut, sizeof in - cut, out + n);
              n += msub_body_finish (&body, out + n);
              tap_expect_octets ("the output", out, n, want, want_n);
            }
        }
      tap_end ();
    }
}

/* Fill IN with lines of 76 octets and END; every third begins with a dot.  */
static void
fill_lines (char *in, size_t n, const char *end)
{
  size_t end_n = strlen (end);
  for (size_t i = 0; i < n; i++)
    {
      size_t line = i / (76 + end_n), column = i % (76 + end_n);
      if (column >= 76)
        in[i] = end[column - 76];
      else
        in[i] = (char) (column == 0 && line % 3 == 0 ? '.' : 'a' + (int) (i % 26));
    }
}

/* J10: a message larger than any buffer, in blocks of an odd size.  */
static void
test_large (void)
{
  enum { SIZE = 1 << 20, BLOCK = 4093 };
  static const char *const line_ends[] = { "\r\n", "\n", "\r" };
  char *in = malloc (SIZE), *want = malloc (2 * SIZE + 2), *out = malloc (MSUB_BODY_BOUND (SIZE));
  for (size_t e = 0; e < TAP_COUNT (line_ends); e++)
    {
      tap_begin ("body: J10: a mebibyte in blocks, line end %zu", e);
      if (tap_expect (in && want && out, "out of memory"))
        {
          size_t n = 0;
          fill_lines (in, SIZE, line_ends[e]);
          size_t want_n = encode_plainly (in, SIZE, true, want);
          struct msub_body body;
          msub_body_reset (&body, true);
          for (size_t at = 0; at < SIZE; at += BLOCK)
            n += msub_body_encode (&body, in + at, SIZE - at < BLOCK ? SIZE - at : BLOCK, out + n);
          n += msub_body_finish (&body, out + n);
          tap_expect (n == want_n && memcmp (out, want, n) == 0, "the output differs");
        }
      tap_end ();
    }
  free (in);
  free (want);
  free (out);
}

/* J8: the first line that is too long, and none that just fits.  */
static void
test_long_lines (void)
{
  static const size_t lengths[] = { 998, 999, 5000 };
  tap_begin ("body: J8: the first line that is too long");
  for (size_t i = 0; i < TAP_COUNT (lengths); i++)
    {
      char line[5000], out[MSUB_BODY_BOUND (sizeof line)];
      struct msub_body body;
      memset (line, 'x', sizeof line);
      msub_body_reset (&body, true);
      msub_body_encode (&body, "a: b\n\n", 6, out);
      for (size_t at = 0; at < lengths[i]; at += 7)
        msub_body_encode (&body, line, lengths[i] - at < 7 ? lengths[i] - at : 7, out);
      msub_body_encode (&body, "\n", 1, out);
      msub_body_encode (&body, line, 1000, out);
      msub_body_finish (&body, out);
      tap_expect_int ("the line", (long long) body.facts.first_long, lengths[i] > MSUB_BODY_LINE_MAX ? 3 : 4);
    }
  tap_end ();
}

static void
test_no_input (void)
{
  tap_begin ("body: a call with nothing changes nothing");
  struct msub_body body, before;
  char out[8];
  msub_body_reset (&body, true);
  msub_body_encode (&body, "a\r", 2, out);
  before = body;
  tap_expect_int ("octets written", (long long) msub_body_encode (&body, NULL, 0, NULL), 0);
  tap_expect_int ("octets written", (long long) msub_body_encode (&body, "", 0, out), 0);
  tap_expect_int ("the CR still stands", body.cr, before.cr);
  tap_expect_int ("octets written for its LF", (long long) msub_body_encode (&body, "\n", 1, out),
                  0);
  tap_expect_int ("a bare CR", body.facts.bare_cr, false);
  tap_end ();

  tap_begin ("body: line ends of the header that are not CRLF");
  static const struct
  {
    const char *text;
    bool bare;
  } headers[] = { { "a\r\nb\r\n\r\nc\nd\re\n", false }, { "a\nb\r\n\r\n", true }, { "a\r\nb\r\n\n", true },
                  { "a\rb\r\n\r\n", true },           { "a\r\n", false },      { "a\r\nb", false } };
  for (size_t i = 0; i < sizeof headers / sizeof *headers; i++)
    for (size_t cut = 0; cut <= strlen (headers[i].text); cut++)
      {
        msub_body_reset (&body, false);
        msub_body_encode (&body, headers[i].text, cut, NULL);
        msub_body_encode (&body, headers[i].text + cut, strlen (headers[i].text) - cut, NULL);
        msub_body_finish (&body, NULL);
        tap_expect_int (headers[i].text, body.facts.bare_header, headers[i].bare);
      }
  tap_end ();

  tap_begin ("body: a reset forgets everything");
  msub_body_encode (&body, "\xFF\0\r", 3, out);
  msub_body_reset (&body, false);
  size_t n = msub_body_encode (&body, "\n.", 2, out);
  n += msub_body_finish (&body, out + n);
  tap_expect_octets ("the output", out, n, TAP_OCTETS ("\r\n.\r\n"));
  tap_expect_int ("octets", (long long) body.facts.octets, 5);
  tap_expect (!body.facts.eight_bit && !body.facts.bare_cr && body.facts.first_nul == 0,
              "old facts");
  tap_end ();
}

int
main (void)
{
  test_rows ();
  test_every_short_message ();
  test_large ();
  test_long_lines ();
  test_no_input ();
  return tap_done ();
}
