/* test-reply.c --- SMTP replies and EHLO keywords, by the rows of SECURITY section G.

   Each row is fed whole, octet by octet, and cut in two at every place: the outcome must be the
   same.
   SPDX-License-Identifier: GPL-3.0-or-later  */

#define _POSIX_C_SOURCE 200809L
#include "../../module/reply.h"
#include "clean.h"
#include "tap.h"

#include <stdlib.h>

#define R "\xEF\xBF\xBD"
#define NOT_SMTP "The server's answer is not SMTP: "

/* Here, because one is larger than a thread's stack should have to bear, and all tests need just
   one.  */
static struct msub_reply_parser parser;

/* What a row should come to.  STATUS as msub_reply_feed returns it; LEFT octets stay untouched when
   it is 1; WORDS is msub_reply_words' text (1) or the error's (-1).  */
struct row
{
  const char *name, *in;
  size_t in_n;
  int status;
  size_t left;
  int code;
  unsigned lines;
  const char *enhanced, *words;
};

#define GOOD(in, left, code, lines, enhanced, words) \
  TAP_OCTETS (in), 1, left, code, lines, enhanced, words
#define BAD(in, words) TAP_OCTETS (in), -1, 0, 0, 0, "", NOT_SMTP words
#define MORE(in) TAP_OCTETS (in), 0, 0, 0, 0, "", ""
#define NO_CODE "no three-digit code: "
#define NO_SEPARATOR "neither a space nor a hyphen after the code: "

static const struct row rows[] = {
  { "one line", GOOD ("250 2.1.0 Ok\r\n", 0, 250, 1, "2.1.0", "250 2.1.0 Ok") },
  { "G1: several lines", GOOD ("220-mx.example\r\n220-says\r\n220 hello\r\n", 0, 220, 3, "",
                               "220 mx.example says hello") },
  { "G2: a bare code", GOOD ("250\r\n", 0, 250, 1, "", "250") },
  { "G2: a bare code ended by LF", GOOD ("354\n", 0, 354, 1, "", "354") },
  { "G2: a code and a space", GOOD ("250 \r\n", 0, 250, 1, "", "250") },
  { "G2: a bare code as the last of several", GOOD ("250-a\r\n250\r\n", 0, 250, 2, "", "250 a") },
  { "empty texts in the middle",
    GOOD ("250-\r\n250-a\r\n250-\r\n250 b\r\n", 0, 250, 4, "", "250 a b") },
  { "LF alone ends a line", GOOD ("250-a\n250 b\n", 0, 250, 2, "", "250 a b") },
  { "a lone CR is text", GOOD ("250 a\rb\r\n", 0, 250, 1, "", "250 a" R "b") },
  { "CR CR LF", GOOD ("250 a\r\r\n", 0, 250, 1, "", "250 a" R) },
  { "CR CR LF directly behind the code", BAD ("250\r\r\n", NO_SEPARATOR "\"250" R "\"") },
  { "code, CR, text", BAD ("250\rok\r\n", NO_SEPARATOR "\"250" R "ok\"") },
  { "tabs are spaces for people", GOOD ("250 a\tb\r\n", 0, 250, 1, "", "250 a b") },
  { "least and greatest code", GOOD ("599-x\r\n599 y\r\n", 0, 599, 2, "", "599 x y") },
  { "a code nobody has defined", GOOD ("571 5.7.1 no\r\n", 0, 571, 1, "5.7.1", "571 5.7.1 no") },
  { "hyphen in the text", GOOD ("250 -x\r\n", 0, 250, 1, "", "250 -x") },

  { "B1: the next reply in the same segment stays",
    GOOD ("220 go\r\n250-evil\r\n", 10, 220, 1, "", "220 go") },
  { "B3: an unended line stays", GOOD ("220 go\r\n250 ev", 6, 220, 1, "", "220 go") },
  { "B6: a lone CRLF stays", GOOD ("220 go\r\n\r\n", 2, 220, 1, "", "220 go") },
  { "B6: an LF behind a line ended by LF stays", GOOD ("220 go\n\n", 1, 220, 1, "", "220 go") },

  { "not complete: nothing yet", MORE ("") },
  { "not complete: within the code", MORE ("25") },
  { "not complete: code alone", MORE ("250") },
  { "not complete: no line end", MORE ("250 ok") },
  { "not complete: CR alone", MORE ("250 ok\r") },
  { "C13: continued, and no last line", MORE ("250-ok\r\n") },
  { "C13: continued, and half of the last line", MORE ("250-ok\r\n250 o") },

  { "G4: another code in the last line",
    BAD ("250-ok\r\n550 no\r\n", "the code changes from 250 to 550 within one reply: \"550 no\"") },
  { "G4: another code in the middle",
    BAD ("250-a\r\n251-b\r\n250 c\r\n", "the code changes from 250 to 251 within one reply: \"251-b\"") },
  { "G4: another code, bare",
    BAD ("250-a\r\n354\r\n", "the code changes from 250 to 354 within one reply: \"354\"") },
  { "a continuation line without a code", BAD ("250-a\r\nSTARTTLS\r\n", NO_CODE "\"STARTTLS\"") },
  { "a continuation line that is empty", BAD ("250-a\r\n\r\n", "an empty line") },

  { "G6: NUL in the text", GOOD ("250 a\0b\r\n", 0, 250, 1, "", "250 a" R "b") },
  { "G6: NUL in the code", BAD ("2\00050 ok\r\n", NO_CODE "\"2" R "50 ok\"") },
  { "G6: NUL behind the code", BAD ("250\0ok\r\n", NO_SEPARATOR "\"250" R "ok\"") },
  { "G6: NUL in the enhanced code",
    GOOD ("550 5.1\0.1 no\r\n", 0, 550, 1, "", "550 5.1" R ".1 no") },
  { "G7: UTF-8", GOOD ("250 gr\xC3\xBC\xC3\x9F\r\n", 0, 250, 1, "", "250 gr\xC3\xBC\xC3\x9F") },
  { "G7: Latin-1", GOOD ("250 gr\xFC\xDF\r\n", 0, 250, 1, "", "250 gr" R R) },
  { "G7: 8-bit in the code", BAD ("\xB2\xB5\xB0 ok\r\n", NO_CODE "\"" R R R " ok\"") },

  { "G12: 2x0", BAD ("2x0 ok\r\n", NO_CODE "\"2x0 ok\"") },
  { "G12: 25", BAD ("25 ok\r\n", NO_CODE "\"25 ok\"") },
  { "G12: 25 and nothing else", BAD ("25\r\n", NO_CODE "\"25\"") },
  { "G12: 2500", BAD ("2500 ok\r\n", NO_SEPARATOR "\"2500 ok\"") },
  { "G12: 000", BAD ("000 ok\r\n", NO_CODE "\"000 ok\"") },
  { "G12: 100", BAD ("100 ok\r\n", NO_CODE "\"100 ok\"") },
  { "G12: 600", BAD ("600 ok\r\n", NO_CODE "\"600 ok\"") },
  { "G12: a space in front", BAD (" 250 ok\r\n", NO_CODE "\" 250 ok\"") },
  { "G12: -250", BAD ("-250 ok\r\n", NO_CODE "\"-250 ok\"") },
  { "G12: +25", BAD ("+25 ok\r\n", NO_CODE "\"+25 ok\"") },
  { "G12: 250_ok", BAD ("250_ok\r\n", NO_SEPARATOR "\"250_ok\"") },
  { "G12: 250:ok", BAD ("250:ok\r\n", NO_SEPARATOR "\"250:ok\"") },
  { "G12: 250 and a tab", BAD ("250\tok\r\n", NO_SEPARATOR "\"250" R "ok\"") },
  { "G12: 0xFA", BAD ("0xFA ok\r\n", NO_CODE "\"0xFA ok\"") },
  { "G12: an empty line", BAD ("\r\n", "an empty line") },
  { "G12: an empty line, LF", BAD ("\n250 ok\r\n", "an empty line") },
  { "G12: HTTP",
    BAD ("HTTP/1.1 400 Bad Request\r\nServer: x\r\n", NO_CODE "\"HTTP/1.1 400 Bad Request\"") },
  { "G12: IMAP", BAD ("* OK IMAP4rev1 ready\r\n", NO_CODE "\"* OK IMAP4rev1 ready\"") },
  { "G12: POP", BAD ("+OK POP3 ready\r\n", NO_CODE "\"+OK POP3 ready\"") },
  { "G12: SSH", BAD ("SSH-2.0-OpenSSH_9.2\r\n", NO_CODE "\"SSH-2.0-OpenSSH_9.2\"") },
  { "G12: a TLS alert", BAD ("\x15\x03\x01\x00\x02\x02\x46", NO_CODE "\"" R R R R R R "F\"") },
  { "G17: noise without end", BAD ("\x01\xFF\xFE noise", NO_CODE "\"" R R R " noise\"") },
  { "L1: terminal escapes in what is quoted",
    BAD ("\033[2J250 ok\r\n", NO_CODE "\"" R "[2J250 ok\"") },
  { "a long line is quoted in part",
    BAD ("x234567890123456789012345678901234567890123456789012345678901234567890123456789"
         "01234567890123456789012345678901234567890123456789012345678901234567890123456789\r\n",
         NO_CODE "\"x23456789012345678901234567890123456789012345678901234567890...\"") },

  { "enhanced: the shortest and the longest",
    GOOD ("450 4.999.999 x\r\n", 0, 450, 1, "4.999.999", "450 4.999.999 x") },
  { "enhanced: without text", GOOD ("550 5.1.1\r\n", 0, 550, 1, "5.1.1", "550 5.1.1") },
  { "enhanced: without text, CR CR LF", GOOD ("550 5.1.1\r\r\n", 0, 550, 1, "", "550 5.1.1" R) },
  { "enhanced: the last line decides",
    GOOD ("550-5.1.1 a\r\n550 5.7.1 b\r\n", 0, 550, 2, "5.7.1", "550 5.1.1 a 5.7.1 b") },
  { "enhanced: on each line, it is said once",
    GOOD ("534-5.7.9 Use an\r\n534-5.7.9  app password.\r\n534 5.7.9 Bye\r\n", 0, 534, 3, "5.7.9",
          "534 5.7.9 Use an app password. Bye") },
  { "enhanced: in the middle of a line it is text",
    GOOD ("550-5.7.1 is\r\n550-it 5.7.1\r\n550 5.7.1 b\r\n", 0, 550, 3, "5.7.1", "550 5.7.1 is it 5.7.1 b") },
  { "enhanced: not in the last line",
    GOOD ("550-5.1.1 a\r\n550 b\r\n", 0, 550, 2, "", "550 5.1.1 a b") },
  { "G15: the last line is only the code",
    GOOD ("550-5.1.1 a\r\n550\r\n", 0, 550, 2, "", "550 5.1.1 a") },
  { "G14: class 5 in a 4yz", GOOD ("450 5.1.1 x\r\n", 0, 450, 1, "", "450 5.1.1 x") },
  { "G14: class 2 in a 5yz", GOOD ("550 2.0.0 x\r\n", 0, 550, 1, "", "550 2.0.0 x") },
  { "G14: there is no class 3", GOOD ("354 3.0.0 x\r\n", 0, 354, 1, "", "354 3.0.0 x") },
  { "G15: no detail", GOOD ("550 5.1\r\n", 0, 550, 1, "", "550 5.1") },
  { "G15: no digits", GOOD ("550 5..1 x\r\n", 0, 550, 1, "", "550 5..1 x") },
  { "G15: ends in a dot", GOOD ("550 5.1.\r\n", 0, 550, 1, "", "550 5.1.") },
  { "G15: ends after the class", GOOD ("550 5\r\n", 0, 550, 1, "", "550 5") },
  { "G15: four digits", GOOD ("550 5.1234.1 x\r\n", 0, 550, 1, "", "550 5.1234.1 x") },
  { "G15: four digits at the end", GOOD ("550 5.1.1234\r\n", 0, 550, 1, "", "550 5.1.1234") },
  { "G15: four parts", GOOD ("550 5.1.1.1 x\r\n", 0, 550, 1, "", "550 5.1.1.1 x") },
  { "G15: hyphens for dots", GOOD ("550 5-1-1 x\r\n", 0, 550, 1, "", "550 5-1-1 x") },
  { "G15: longer in the line before",
    GOOD ("550-5.1.234\r\n550 5.1.2\r\n", 0, 550, 2, "5.1.2", "550 5.1.234 5.1.2") },
  { "G15: a hyphen behind", GOOD ("550 5.1.1-x\r\n", 0, 550, 1, "", "550 5.1.1-x") },
  { "G15: two digits of class", GOOD ("550 55.1.1 x\r\n", 0, 550, 1, "", "550 55.1.1 x") },
  { "G15: two spaces in front", GOOD ("550  5.1.1 x\r\n", 0, 550, 1, "", "550  5.1.1 x") },
  { "G15: very many digits",
    GOOD ("550 5.99999999999999999999.1 x\r\n", 0, 550, 1, "", "550 5.99999999999999999999.1 x") },
};

/* Feed the N octets at IN in pieces of one block each, so that the sanitizer guards their ends:
   FIRST octets, then STEP at a time.  Returns the last status; *USED_R: octets taken.  */
static int
feed (const char *in, size_t n, size_t first, size_t step, size_t *used_r, struct msub_error *err)
{
  int status = 0;
  size_t at = 0, taken = 0;
  msub_reply_reset (&parser);
  for (size_t piece = first; status == 0 && at < n; piece = step)
    {
      size_t length = piece < n - at ? piece : n - at, used = 12345;
      char *block = malloc (length ? length : 1);
      if (!tap_expect (block != NULL, "out of memory"))
        return 2;
      memcpy (block, in + at, length);
      status = msub_reply_feed (&parser, block, length, &used, err);
      free (block);
      tap_expect (used <= length, "%zu octets used of %zu", used, length);
      tap_expect (status != 0 || used == length, "octets left over though more are needed");
      at += length;
      taken += used;
    }
  *used_r = taken;
  return status;
}

static void
expect_row (const struct row *row, size_t first, size_t step)
{
  struct msub_error err = { 0 };
  size_t used = 0;
  int status = feed (row->in, row->in_n, first, step, &used, &err);
  tap_expect_int ("the status", status, row->status);
  tap_expect_int ("the error's kind", err.kind, row->status < 0 ? MSUB_PROTOCOL : MSUB_OK);
  if (status > 0)
    {
      char words[256];
      msub_reply_words (&parser.reply, words, sizeof words);
      tap_expect_int ("octets left", (long long) (row->in_n - used), (long long) row->left);
      tap_expect_int ("the code", parser.reply.code, row->code);
      tap_expect_int ("the number of lines", parser.reply.lines, row->lines);
      tap_expect_text ("the enhanced code", parser.reply.enhanced, row->enhanced);
      tap_expect_text ("the words", words, row->words);
    }
  else if (status < 0 && first >= row->in_n)
    tap_expect_text ("the error", err.text, row->words);
  else if (status < 0)
    {
      /* The quotation holds what has come; the words before it are the same.  */
      const char *quote = strchr (row->words, '"');
      size_t n = quote ? (size_t) (quote - row->words) : strlen (row->words);
      tap_expect (strncmp (err.text, row->words, n) == 0, "the error is %s", err.text);
    }
}

static void
test_rows (void)
{
  for (size_t r = 0; r < TAP_COUNT (rows); r++)
    {
      tap_begin ("reply: %s", rows[r].name);
      expect_row (&rows[r], rows[r].in_n, 1);
      for (size_t first = 0; first < rows[r].in_n; first++)
        expect_row (&rows[r], first, rows[r].in_n);
      for (size_t step = 1; step < 4; step++)
        expect_row (&rows[r], step, step);
      tap_end ();
    }
}

static void
test_text (void)
{
  tap_begin ("reply: the text is kept as it came, NUL and 8-bit too");
  static const char in[] = "334-a\0\xFF\rb\r\n334-\r\n334 end\n";
  size_t used;
  struct msub_error err = { 0 };
  tap_expect_int ("the status", feed (in, sizeof in - 1, sizeof in, 1, &used, &err), 1);
  tap_expect_octets ("the text", parser.reply.text, parser.reply.text_length,
                     TAP_OCTETS ("a\0\xFF\rb\n\nend\n"));
  tap_expect (parser.reply.text[parser.reply.text_length] == '\0', "no NUL behind the text");
  tap_end ();

  tap_begin ("reply: a complete one takes nothing more");
  tap_expect_int ("the status", msub_reply_feed (&parser, "250 more\r\n", 10, &used, &err), 1);
  tap_expect_int ("octets used", (long long) used, 0);
  tap_expect_int ("the code", parser.reply.code, 334);
  tap_end ();

  tap_begin ("reply: a reset forgets everything");
  msub_reply_reset (&parser);
  tap_expect_int ("the status", msub_reply_feed (&parser, "250\n", 4, &used, &err), 1);
  tap_expect_int ("the code", parser.reply.code, 250);
  tap_expect_octets ("the text", parser.reply.text, parser.reply.text_length, TAP_OCTETS ("\n"));
  tap_expect_text ("the enhanced code", parser.reply.enhanced, "");
  tap_end ();
}

static void
test_cut_off (void)
{
  static const struct
  {
    const char *in, *words, *enhanced;
    int code; /* 0: not a reply */
    unsigned lines;
  } ends[] = {
    { "421 4.3.2 Too busy", "421 4.3.2 Too busy", "4.3.2", 421, 1 },
    { "421 Too busy\r", "421 Too busy", "", 421, 1 },
    { "421", "421", "", 421, 1 },
    { "554-5.7.1 No", "554 5.7.1 No", "5.7.1", 554, 1 },
    { "554-5.7.1 No\r\n", "554 5.7.1 No", "5.7.1", 554, 1 },
    { "554-5.7.1 No\r\n55", "554 5.7.1 No", "5.7.1", 554, 1 },
    { "554-5.7.1 No\r\n554-Never\r\n", "554 5.7.1 No Never", "", 554, 2 },
    { "554-No\r\n554 5.7.1 Nev", "554 No 5.7.1 Nev", "5.7.1", 554, 2 },
    { "42", "", "", 0, 0 },
    { "", "", "", 0, 0 },
    { "250 Ok", "", "", 0, 0 },
    { "250-Ok\r\n", "", "", 0, 0 },
    { "334 VXNlcm5hbWU6", "", "", 0, 0 },
  };
  for (size_t i = 0; i < TAP_COUNT (ends); i++)
    {
      tap_begin ("H22: cut off behind \"%s\"", ends[i].in);
      size_t used;
      struct msub_error err = { 0 };
      msub_reply_reset (&parser);
      tap_expect_int ("the status", msub_reply_feed (&parser, ends[i].in, strlen (ends[i].in), &used, &err), 0);
      tap_expect_int ("a reply", msub_reply_cut_off (&parser), ends[i].code != 0);
      if (ends[i].code)
        {
          char words[200];
          msub_reply_words (&parser.reply, words, sizeof words);
          tap_expect_int ("the code", parser.reply.code, ends[i].code);
          tap_expect_int ("the lines", parser.reply.lines, ends[i].lines);
          tap_expect_text ("the words", words, ends[i].words);
          tap_expect_text ("the enhanced code", parser.reply.enhanced, ends[i].enhanced);
        }
      tap_end ();
    }
}

/* Feed LINES lines of "250-", the last with a space if LAST, each with N times 'x', until the
   parser has had enough.  */
static int
feed_many (size_t lines, size_t n, bool last, size_t *total_r, struct msub_error *err)
{
  int status = 0;
  static char line[65536 + 6];
  msub_reply_reset (&parser);
  *total_r = 0;
  if (!tap_expect (n + 6 <= sizeof line, "a line of %zu octets is more than this test holds", n))
    return 2;
  memcpy (line, "250-", 4);
  memset (line + 4, 'x', n);
  memcpy (line + 4 + n, "\r\n", 2);
  for (size_t i = 1; i <= lines && status == 0; i++)
    {
      size_t used;
      if (i == lines && last)
        line[3] = ' ';
      status = msub_reply_feed (&parser, line, n + 6, &used, err);
      *total_r += used;
    }
  return status;
}

static void
test_bounds (void)
{
  static const struct
  {
    const char *name;
    size_t lines, n;
    bool last;
    int status;
    const char *error;
  } bounds[] = {
    { "G8: a line of 1000 octets", 1, 994, true, 1, "" },
    { "G8: the longest line", 1, MSUB_REPLY_LINE_MAX - 4, true, 1, "" },
    { "G8: a line one octet longer", 1, MSUB_REPLY_LINE_MAX - 3, true, -1,
      NOT_SMTP "a line of more than 12300 octets" },
    { "G8: a line of 64 KiB", 1, 65536, true, -1, NOT_SMTP "a line of more than 12300 octets" },
    { "G10: as many lines as may be", 1000, 10, true, 1, "" },
    { "G10: one line more", 1001, 10, true, -1, NOT_SMTP "a reply of more than 1000 lines" },
    { "G10: a million lines", 1000000, 70, false, -1, NOT_SMTP "a reply of more than 1000 lines" },
    { "G10: as many octets as may be", 64, 4090, true, 1, "" },
    { "G10: one octet more", 65, 4028, true, -1, NOT_SMTP "a reply of more than 262144 octets" },
    { "G10: long lines without end", 100000, 12000, false, -1,
      NOT_SMTP "a reply of more than 262144 octets" },
  };
  for (size_t i = 0; i < TAP_COUNT (bounds); i++)
    {
      tap_begin ("bounds: %s", bounds[i].name);
      struct msub_error err = { 0 };
      size_t total;
      int status = feed_many (bounds[i].lines, bounds[i].n, bounds[i].last, &total, &err);
      tap_expect_int ("the status", status, bounds[i].status);
      tap_expect_text ("the error", err.text, bounds[i].error);
      tap_expect (total <= MSUB_REPLY_OCTETS_MAX + 1, "%zu octets taken", total);
      tap_expect (parser.reply.text_length <= MSUB_REPLY_TEXT_MAX, "%zu octets kept",
                  parser.reply.text_length);
      tap_expect (parser.reply.text[parser.reply.text_length] == '\0', "no NUL behind the text");
      tap_end ();
    }

  tap_begin ("bounds: G9: a line without end is cut off");
  static char endless[16384];
  struct msub_error err = { 0 };
  size_t used;
  memset (endless, 'x', sizeof endless);
  memcpy (endless, "220 ", 4);
  msub_reply_reset (&parser);
  tap_expect_int ("the status", msub_reply_feed (&parser, endless, sizeof endless, &used, &err),
                  -1);
  tap_expect_int ("octets used", (long long) used, MSUB_REPLY_LINE_MAX + 1);
  tap_end ();

  tap_begin ("bounds: G9: nor do carriage returns go on for ever");
  memset (endless + 4, '\r', sizeof endless - 4);
  struct msub_error err_cr = { 0 };
  msub_reply_reset (&parser);
  tap_expect_int ("the status", msub_reply_feed (&parser, endless, sizeof endless, &used, &err_cr),
                  -1);
  tap_end ();

  tap_begin ("bounds: the longest challenge is kept whole (RFC 4954: 12288 octets)");
  struct msub_error err_challenge = { 0 };
  tap_expect_int ("the status", feed_many (1, 12288 - 2, true, &used, &err_challenge), 1);
  tap_expect_int ("octets kept", (long long) parser.reply.text_length, 12288 - 2 + 1);
  tap_end ();

  tap_begin ("bounds: the enhanced code is found behind more text than is kept");
  struct msub_error err_long = { 0 };
  tap_expect_int ("the status", feed_many (9, 12000, false, &used, &err_long), 0);
  tap_expect_int ("the status", msub_reply_feed (&parser, "250 2.6.0 ok\r\n", 14, &used, &err_long),
                  1);
  tap_expect_text ("the enhanced code", parser.reply.enhanced, "2.6.0");
  tap_expect_int ("octets kept", (long long) parser.reply.text_length, MSUB_REPLY_TEXT_MAX);
  tap_end ();
}

static void
test_words (void)
{
  tap_begin ("words: every size, always clean, always ended");
  static const char in[] = "550-5.7.1 gr\xC3\xBC\xC3\x9F\x1B[1m\r\n"
                           "550-\r\n"
                           "550 5.7.1 \xE2\x80\xAEno\r\n";
  char full[128];
  size_t used;
  struct msub_error err = { 0 };
  feed (in, sizeof in - 1, sizeof in, 1, &used, &err);
  msub_reply_words (&parser.reply, full, sizeof full);
  tap_expect_text ("the words", full, "550 5.7.1 gr\xC3\xBC\xC3\x9F" R "[1m " R "no");
  for (size_t size = 1; size <= sizeof full; size++)
    {
      char *dst = malloc (size);
      if (!tap_expect (dst != NULL, "out of memory"))
        break;
      memset (dst, 'x', size);
      msub_reply_words (&parser.reply, dst, size);
      const char *end = memchr (dst, '\0', size);
      tap_expect (end && clean_text (dst, (size_t) (end - dst)),
                  "size %zu: not ended, or not clean", size);
      if (end && size > 4)
        tap_expect_text ("the end", strlen (full) < size ? dst : end - 3,
                         strlen (full) < size ? full : "...");
      free (dst);
    }
  tap_end ();

  tap_begin ("words: L6: 200 lines of 500 octets are shortened");
  char words[1024];
  feed_many (200, 494, true, &used, &err);
  msub_reply_words (&parser.reply, words, sizeof words);
  tap_expect_int ("the length", (long long) strlen (words), 1023);
  tap_expect_text ("the end", words + 1020, "...");
  tap_end ();

  tap_begin ("words: as much text as is kept, in one-octet lines");
  struct msub_error err_lines = { 0 };
  static char large[2 * MSUB_REPLY_TEXT_MAX];
  feed_many (1000, 1, true, &used, &err_lines);
  msub_reply_words (&parser.reply, large, sizeof large);
  tap_expect_int ("the length", (long long) strlen (large), 3 + 1000 * 2);
  feed_many (21, 12000, true, &used, &err_lines);
  msub_reply_words (&parser.reply, large, sizeof large);
  tap_expect_int ("the length", (long long) strlen (large), 3 + 1 + MSUB_REPLY_TEXT_MAX);
  tap_end ();
}

/* The flags as letters: t STARTTLS, p PIPELINING, 8 8BITMIME, u SMTPUTF8, c CHUNKING, b BINARYMIME,
   d DSN, e ENHANCEDSTATUSCODES, s SIZE, a AUTH, r REQUIRETLS, y DELIVERBY, f FUTURERELEASE, m
   MT-PRIORITY.  */
static const char *
flags (const struct msub_capabilities *caps, char *dst)
{
  const struct { bool set; char letter; } all[] = {
    { caps->starttls, 't' }, { caps->pipelining, 'p' }, { caps->eightbitmime, '8' },
    { caps->smtputf8, 'u' }, { caps->chunking, 'c' },   { caps->binarymime, 'b' },
    { caps->dsn, 'd' },      { caps->enhanced_status_codes, 'e' },
    { caps->requiretls, 'r' }, { caps->deliverby, 'y' }, { caps->futurerelease, 'f' },
    { caps->mt_priority, 'm' },
    { caps->size, 's' },     { caps->auth, 'a' },
  };
  size_t n = 0;
  for (size_t i = 0; i < TAP_COUNT (all); i++)
    if (all[i].set)
      dst[n++] = all[i].letter;
  dst[n] = '\0';
  return dst;
}

/* IN is what follows the greeting line, each line with its '\n'.  */
static const struct
{
  const char *name, *in;
  size_t in_n;
  const char *flags, *mechanisms, *names;
  uint64_t size;
} offers[] = {
  { "nothing", TAP_OCTETS (""), "", "", "", 0 },
  { "everything",
    TAP_OCTETS ("PIPELINING\nSIZE 10240000\nSTARTTLS\n"
                "AUTH SCRAM-SHA-256-PLUS SCRAM-SHA-256 PLAIN\n"
                "ENHANCEDSTATUSCODES\n8BITMIME\nDSN\nSMTPUTF8\nCHUNKING\nBINARYMIME\n"),
    "tp8ucbdesa", "SCRAM-SHA-256-PLUS SCRAM-SHA-256 PLAIN",
    "PIPELINING\nSIZE\nSTARTTLS\nAUTH\nENHANCEDSTATUSCODES\n8BITMIME\nDSN\nSMTPUTF8\nCHUNKING\n"
    "BINARYMIME\n",
    10240000 },
  { "in any case of letters", TAP_OCTETS ("StartTls\nauth plain Login\nsize 7\n8bitmime\n"),
    "t8sa", "PLAIN LOGIN", "STARTTLS\nAUTH\nSIZE\n8BITMIME\n", 7 },
  { "REQUIRETLS, DELIVERBY, FUTURERELEASE, MT-PRIORITY with their parameters",
    TAP_OCTETS ("REQUIRETLS\nDELIVERBY 240\nFUTURERELEASE 1 2\nMT-PRIORITY MIXER\n"),
    "ryfm", "", "REQUIRETLS\nDELIVERBY\nFUTURERELEASE\nMT-PRIORITY\n", 0 },
  { "words that only resemble these",
    TAP_OCTETS ("REQUIRETLSX\nXDELIVERBY\nFUTURE RELEASE\nMT PRIORITY\n"),
    "", "", "REQUIRETLSX\nXDELIVERBY\nFUTURE\nMT\n", 0 },
  { "A3: STARTTLS overwritten", TAP_OCTETS ("XXXXXXXA\nPIPELINING\n"),
    "p", "", "XXXXXXXA\nPIPELINING\n", 0 },
  { "A4: XSTARTTLS", TAP_OCTETS ("XSTARTTLS\n"), "", "", "XSTARTTLS\n", 0 },
  { "A4: STARTTLSX", TAP_OCTETS ("STARTTLSX\n"), "", "", "STARTTLSX\n", 0 },
  { "A4: NO STARTTLS", TAP_OCTETS ("NO STARTTLS\n"), "", "", "NO\n", 0 },
  { "A4: a space in front", TAP_OCTETS (" STARTTLS\n"), "", "", "", 0 },
  { "A4: STARTTLS-NOT", TAP_OCTETS ("STARTTLS-NOT\n"), "", "", "STARTTLS-NOT\n", 0 },
  { "A4: STARTTLS=no", TAP_OCTETS ("STARTTLS=no\n"), "", "", "", 0 },
  { "A4: a tab behind", TAP_OCTETS ("STARTTLS\tno\n"), "", "", "", 0 },
  { "A4: a CR behind", TAP_OCTETS ("STARTTLS\r\n"), "", "", "", 0 },
  { "A4: a longer and a shorter word", TAP_OCTETS ("DSNX\nDS\n8BITMIMEX\nSIZEX 5\n"),
    "", "", "DSNX\nDS\n8BITMIMEX\nSIZEX\n", 0 },
  { "A4: another first letter", TAP_OCTETS ("XTARTTLS\nESN\nTIZE 5\nBUTH PLAIN\nBUTH=PLAIN\n"),
    "", "", "XTARTTLS\nESN\nTIZE\nBUTH\n", 0 },
  { "A14: STARTTLS with a parameter", TAP_OCTETS ("STARTTLS REQUIRED\n"),
    "t", "", "STARTTLS\n", 0 },
  { "A14: STARTTLS and a space", TAP_OCTETS ("STARTTLS \n"), "t", "", "STARTTLS\n", 0 },
  { "G6: NUL behind the keyword", TAP_OCTETS ("STARTTLS\0\n"), "", "", "", 0 },
  { "G6: NUL within the keyword", TAP_OCTETS ("START\0TLS\nDSN\0 x\n"), "", "", "", 0 },
  { "G6: NUL in a parameter", TAP_OCTETS ("STARTTLS \0\nSIZE 1\0\n"),
    "ts", "", "STARTTLS\nSIZE\n", 0 },
  { "G7: 8-bit in a keyword", TAP_OCTETS ("STARTTLS\xC2\xA0\nD\xC5\x9FN\n"), "", "", "", 0 },
  { "G11: blank and odd lines", TAP_OCTETS ("\n \n=\n-\n*\nAUTH-X\nX_Y\nDSN\n"),
    "d", "", "-\nAUTH-X\nDSN\n", 0 },
  { "the same twice", TAP_OCTETS ("DSN\ndsn\nDSN x\n"), "d", "", "DSN\n", 0 },
  { "a last line cut off", TAP_OCTETS ("DSN\nSTARTTLS"), "d", "", "DSN\n", 0 },

  { "E7: lookalikes of mechanisms", TAP_OCTETS ("AUTH XPLAIN PLAIN-CLIENTTOKEN LOGIN2\n"),
    "a", "XPLAIN PLAIN-CLIENTTOKEN LOGIN2", "AUTH\n", 0 },
  { "AUTH without mechanisms", TAP_OCTETS ("AUTH\n"), "a", "", "AUTH\n", 0 },
  { "AUTH and spaces", TAP_OCTETS ("AUTH   PLAIN   LOGIN  \n"), "a", "PLAIN LOGIN", "AUTH\n", 0 },
  { "AUTH= alone", TAP_OCTETS ("AUTH=LOGIN PLAIN\n"), "a", "LOGIN PLAIN", "AUTH\n", 0 },
  { "AUTH= and nothing", TAP_OCTETS ("AUTH=\n"), "a", "", "AUTH\n", 0 },
  { "AUTH= and a space", TAP_OCTETS ("auth= plain\n"), "a", "PLAIN", "AUTH\n", 0 },
  { "AUTH and AUTH= have no duplicates",
    TAP_OCTETS ("AUTH PLAIN LOGIN\nAUTH=LOGIN PLAIN CRAM-MD5\n"),
    "a", "PLAIN LOGIN CRAM-MD5", "AUTH\n", 0 },
  { "duplicates within a line", TAP_OCTETS ("AUTH PLAIN plain Plain\n"),
    "a", "PLAIN", "AUTH\n", 0 },
  { "AUTHX=PLAIN is not AUTH", TAP_OCTETS ("AUTHX=PLAIN\nXAUTH=PLAIN\nAUT PLAIN\n"),
    "", "", "AUT\n", 0 },
  { "names that are no mechanism's",
    TAP_OCTETS ("AUTH PL\0AIN =PLAIN PLAIN, \xFFX A23456789012345678901 X_Y-2\n"),
    "a", "X_Y-2", "AUTH\n", 0 },
  { "mechanisms' names of one character", TAP_OCTETS ("AUTH A B\n"), "a", "A B", "AUTH\n", 0 },
  { "mechanisms that differ in the first letter", TAP_OCTETS ("AUTH PLAIN BLAIN PLAIM\n"),
    "a", "PLAIN BLAIN PLAIM", "AUTH\n", 0 },
  { "a mechanism's name of 20 characters", TAP_OCTETS ("AUTH A2345678901234567890\n"),
    "a", "A2345678901234567890", "AUTH\n", 0 },

  { "H15: SIZE without a number", TAP_OCTETS ("SIZE\n"), "s", "", "SIZE\n", 0 },
  { "H15: SIZE 0", TAP_OCTETS ("SIZE 0\n"), "s", "", "SIZE\n", 0 },
  { "H15: SIZE and a space", TAP_OCTETS ("SIZE \n"), "s", "", "SIZE\n", 0 },
  { "H15: the largest that fits", TAP_OCTETS ("SIZE 18446744073709551615\n"),
    "s", "", "SIZE\n", UINT64_MAX },
  { "H15: one more", TAP_OCTETS ("SIZE 18446744073709551616\n"), "s", "", "SIZE\n", 0 },
  { "H15: huge", TAP_OCTETS ("SIZE 100000000000000000000000000\n"), "s", "", "SIZE\n", 0 },
  { "H15: zeros in front", TAP_OCTETS ("SIZE 000000000000000000000000000012\n"),
    "s", "", "SIZE\n", 12 },
  { "H15: negative", TAP_OCTETS ("SIZE -1\n"), "s", "", "SIZE\n", 0 },
  { "H15: a sign", TAP_OCTETS ("SIZE +1\n"), "s", "", "SIZE\n", 0 },
  { "H15: a word", TAP_OCTETS ("SIZE many\n"), "s", "", "SIZE\n", 0 },
  { "H15: a number and a word", TAP_OCTETS ("SIZE 10M\n"), "s", "", "SIZE\n", 0 },
  { "H15: two numbers", TAP_OCTETS ("SIZE 10 20\n"), "s", "", "SIZE\n", 0 },
};

static void
parse_offer (const char *in, size_t n, struct msub_capabilities *caps)
{
  /* A4: words of the first line offer nothing.  */
  static const char greeting[] = "STARTTLS AUTH PLAIN SIZE 9\n";
  static struct msub_reply reply;
  memset (&reply, 0, sizeof reply);
  memcpy (reply.text, greeting, sizeof greeting - 1);
  memcpy (reply.text + sizeof greeting - 1, in, n);
  reply.code = 250;
  reply.text_length = sizeof greeting - 1 + n;
  memset (caps, 0x5A, sizeof *caps);
  msub_capabilities_parse (&reply, caps);
}

static void
test_capabilities (void)
{
  struct msub_capabilities caps;
  for (size_t i = 0; i < TAP_COUNT (offers); i++)
    {
      char letters[16];
      tap_begin ("capabilities: %s", offers[i].name);
      parse_offer (offers[i].in, offers[i].in_n, &caps);
      tap_expect_text ("the flags", flags (&caps, letters), offers[i].flags);
      tap_expect_text ("the mechanisms", caps.mechanisms, offers[i].mechanisms);
      tap_expect_text ("the names", caps.names, offers[i].names);
      tap_expect (caps.size_limit == offers[i].size, "the limit is %llu instead of %llu",
                  (unsigned long long) caps.size_limit, (unsigned long long) offers[i].size);
      tap_end ();
    }

  tap_begin ("capabilities: G16: a single line offers nothing");
  size_t used;
  struct msub_error err = { 0 };
  char letters[16];
  feed (TAP_OCTETS ("250 STARTTLS\r\n"), 99, 1, &used, &err);
  msub_capabilities_parse (&parser.reply, &caps);
  tap_expect_text ("the flags", flags (&caps, letters), "");
  feed (TAP_OCTETS ("250\r\n"), 99, 1, &used, &err);
  msub_capabilities_parse (&parser.reply, &caps);
  tap_expect_text ("the flags", flags (&caps, letters), "");
  tap_end ();

  tap_begin ("capabilities: A10: words in the greeting line and in texts mean nothing");
  feed (TAP_OCTETS ("250-mx PREAUTH STARTTLS\r\n250-HELP STARTTLS AUTH PLAIN\r\n250 DSN\r\n"), 99,
        1, &used, &err);
  msub_capabilities_parse (&parser.reply, &caps);
  tap_expect_text ("the flags", flags (&caps, letters), "d");
  tap_end ();
}

/* RFC 9422: what LIMITS says of recipients.  */
static void
test_limits (void)
{
  static const struct { const char *in; unsigned recipients_max, domains_max, mails_max; } limits[] = {
    { "DSN\n", 0, 0, 0 },
    { "LIMITS\n", 0, 0, 0 },
    { "LIMITS RCPTMAX=100\n", 100, 0, 0 },
    { "limits MAILMAX=5 rcptmax=7 RCPTDOMAINMAX=1\n", 7, 1, 5 },
    { "LIMITS mailmax=x RCPTDOMAINMAX=0 MAILMAX=-1\n", 0, 0, 0 },
    { "LIMITS  RCPTMAX=7 \n", 7, 0, 0 },
    { "LIMITS RCPTMAX=0\n", 0, 0, 0 },
    { "LIMITS RCPTMAX=\n", 0, 0, 0 },
    { "LIMITS RCPTMAX\n", 0, 0, 0 },
    { "LIMITS RCPTMAX=-1\n", 0, 0, 0 },
    { "LIMITS RCPTMAX=1x\n", 0, 0, 0 },
    { "LIMITS RCPTMAX=999999\n", 999999, 0, 0 },
    { "LIMITS RCPTMAX=4294967297\n", 0, 0, 0 },
    { "LIMITS RCPTMAX=99999999999999999999999\n", 0, 0, 0 },
    { "LIMITS XRCPTMAX=5\n", 0, 0, 0 },
    { "LIMITSX RCPTMAX=5\n", 0, 0, 0 },
    { "XLIMITS RCPTMAX=5\n", 0, 0, 0 },
  };
  for (size_t i = 0; i < TAP_COUNT (limits); i++)
    {
      struct msub_capabilities caps;
      tap_begin ("capabilities: RFC 9422: %.*s", (int) strlen (limits[i].in) - 1, limits[i].in);
      parse_offer (limits[i].in, strlen (limits[i].in), &caps);
      tap_expect_int ("the limit", caps.recipients_max, limits[i].recipients_max);
      tap_expect_int ("the limit of domains", caps.domains_max, limits[i].domains_max);
      tap_expect_int ("the limit of messages", caps.mails_max, limits[i].mails_max);
      tap_end ();
    }
}

/* PREFIX, a number and SEPARATOR, once for each number below COUNT.  */
static size_t
many (char *dst, size_t size, const char *prefix, unsigned count, char separator)
{
  size_t n = 0;
  for (unsigned i = 0; i < count && n + 32 < size; i++)
    n += (size_t) snprintf (dst + n, size - n, "%s%u%c", prefix, i, separator);
  return n;
}

static void
test_many_capabilities (void)
{
  static char in[16384];
  struct msub_capabilities caps;
  tap_begin ("capabilities: G11: 300 keywords, and the one that counts comes last");
  size_t n = many (in, sizeof in, "XKEYWORD-", 300, '\n');
  memcpy (in + n, "STARTTLS\n", 9);
  parse_offer (in, n + 9, &caps);
  tap_expect (caps.starttls, "STARTTLS is missing");
  tap_expect (strlen (caps.names) < sizeof caps.names, "the names are not ended");
  tap_expect_text ("the last octet", caps.names + strlen (caps.names) - 1, "\n");
  tap_expect (strncmp (caps.names, TAP_OCTETS ("XKEYWORD-0\nXKEYWORD-1\n")) == 0,
              "the names are %s", caps.names);
  tap_end ();

  tap_begin ("capabilities: more mechanisms than fit, none of them halved");
  memcpy (in, "AUTH ", 5);
  n = 5 + many (in + 5, sizeof in - 5, "X-MECHANISM-", 200, ' ');
  in[n - 1] = '\n';
  parse_offer (in, n, &caps);
  size_t length = strlen (caps.mechanisms);
  tap_expect (length > sizeof caps.mechanisms - 18 && length < sizeof caps.mechanisms, "%zu octets",
              length);
  for (char *word = strtok (caps.mechanisms, " "); word; word = strtok (NULL, " "))
    tap_expect (strlen (word) >= 13 && strstr (in, word), "%s was not offered", word);
  tap_end ();

  tap_begin ("capabilities: keywords that fit to the octet, and one octet more");
  memset (in, 'X', 1023);
  in[1022] = '\n';
  parse_offer (in, 1023, &caps);
  tap_expect_octets ("the names", caps.names, strlen (caps.names), in, 1023);
  in[1022] = 'X';
  in[1023] = '\n';
  parse_offer (in, 1024, &caps);
  tap_expect_text ("the names", caps.names, "");
  tap_end ();

  tap_begin ("capabilities: a keyword longer than all there is room for");
  memset (in, 'X', 12000);
  memcpy (in + 12000, "\nDSN\n", 5);
  parse_offer (in, 12005, &caps);
  tap_expect_text ("the names", caps.names, "DSN\n");
  tap_end ();
}

static void
test_offer (void)
{
  static const struct { const char *mechanism; bool offered; } asked[] = {
    { "PLAIN", true },   { "SCRAM-SHA-256", true }, { "SCRAM-SHA-256-PLUS", true },
    { "XOAUTH2", true }, { "LOGIN", false },        { "PLAI", false },
    { "PLAINX", false }, { "BLAIN", false },        { "SCRAM-SHA-1", false },
    { "SHA-256", false }, { "OAUTH2", false },      { "PLAIN SCRAM-SHA-256", false },
    { "", false },       { " ", false },
  };
  struct msub_capabilities caps;
  parse_offer (TAP_OCTETS ("AUTH PLAIN SCRAM-SHA-256 SCRAM-SHA-256-PLUS xoauth2\n"), &caps);
  for (size_t i = 0; i < TAP_COUNT (asked); i++)
    {
      tap_begin ("offer: E7: \"%s\"", asked[i].mechanism);
      tap_expect_int ("the answer", msub_capabilities_offer (&caps, asked[i].mechanism),
                      asked[i].offered);
      tap_end ();
    }

  tap_begin ("offer: nothing is offered by a server without AUTH");
  parse_offer (TAP_OCTETS ("DSN\n"), &caps);
  tap_expect_int ("the answer", msub_capabilities_offer (&caps, "PLAIN"), 0);
  tap_expect_int ("the answer", msub_capabilities_offer (&caps, ""), 0);
  tap_end ();
}

int
main (void)
{
  test_rows ();
  test_text ();
  test_cut_off ();
  test_bounds ();
  test_words ();
  test_capabilities ();
  test_limits ();
  test_many_capabilities ();
  test_offer ();
  return tap_done ();
}
