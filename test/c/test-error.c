/* test-error.c --- error kinds, texts that are safe to show, errno names, wiping.

   SPDX-License-Identifier: GPL-3.0-or-later  */

#define _POSIX_C_SOURCE 200809L
#include "../../module/error.h"
#include "clean.h"
#include "tap.h"

#include <errno.h>
#include <stdlib.h>

#define R "\xEF\xBF\xBD"

static void
test_kinds (void)
{
  static const char *const names[] = {
    "ok",       "host",    "resolver",    "connect", "no-login", "tls",       "insecure", "auth",   "refused",  "deferred",
    "protocol", "timeout", "lost",    "cancelled", "uncertain", "message",  "config", "internal",
  };
  tap_begin ("each error kind has its own name");
  tap_expect_int ("the number of kinds", MSUB_KINDS, TAP_COUNT (names));
  for (size_t i = 0; i < TAP_COUNT (names); i++)
    tap_expect_text ("the name", msub_kind_name ((enum msub_kind) i), names[i]);
  tap_expect_text ("the name of no kind", msub_kind_name (MSUB_KINDS), "internal");
  tap_end ();
}

/* One row: what goes in, and what comes out where there is room.  */
static const struct
{
  const char *name, *in;
  size_t in_n;
  const char *out;
} rows[] = {
  { "nothing", TAP_OCTETS (""), "" },
  { "ASCII", TAP_OCTETS ("mail from <a@b>"), "mail from <a@b>" },
  { "two, three and four octets", TAP_OCTETS ("\u00e9\u65e5\U0001F4E7\u00e9"),
    "\u00e9\u65e5\U0001F4E7\u00e9" },
  { "L1: NUL", TAP_OCTETS ("a\0b"), "a" R "b" },
  { "L1: terminal escape", TAP_OCTETS ("\033[31mred\033[0m"), R "[31mred" R "[0m" },
  { "L1: BEL, BS, TAB, DEL", TAP_OCTETS ("\a\b\t\x7F"), R R R R },
  { "L1: C1 as UTF-8 (CSI)", TAP_OCTETS ("\xC2\x9B" "31m"), R "31m" },
  { "L1: C1 as a lone octet", TAP_OCTETS ("\x9B" "31m"), R "31m" },
  { "L3: a forged line", TAP_OCTETS ("ok\r\n250 fine"), "ok" R R "250 fine" },
  { "L2: right-to-left override", TAP_OCTETS ("a\u202Eb\u202Cc"), "a" R "b" R "c" },
  { "L2: isolates", TAP_OCTETS ("\u2066a\u2069"), R "a" R },
  { "L2: marks of direction", TAP_OCTETS ("\u200E\u200F\u061C"), R R R },
  { "L2: zero width", TAP_OCTETS ("a\u200Bb\u200Dc\uFEFF"), "a" R "b" R "c" R },
  { "L2: line and paragraph separator", TAP_OCTETS ("\u2028\u2029"), R R },
  { "L2: tag characters, four octets", TAP_OCTETS ("\U000E0041x"), R "x" },
  { "U+0085", TAP_OCTETS ("\xC2\x85"), R },
  { "not UTF-8: Latin-1", TAP_OCTETS ("caf\xE9!"), "caf" R "!" },
  { "not UTF-8: overlong slash", TAP_OCTETS ("\xC0\xAF\xE0\x80\xAF"), R R R R R },
  { "not UTF-8: surrogate", TAP_OCTETS ("\xED\xA0\x80"), R R R },
  { "not UTF-8: above U+10FFFF", TAP_OCTETS ("\xF4\x90\x80\x80"), R R R R },
  { "not UTF-8: five and six octets", TAP_OCTETS ("\xFC\x80\x80\x80\xF8\x84\x80\x80"),
    R R R R R R R R },
  { "not UTF-8: FE and FF", TAP_OCTETS ("\xFE\xFF"), R R },
  { "cut short at the end, two of three", TAP_OCTETS ("ab\xE6\x97"), "ab" R R },
  { "cut short at the end, three of four", TAP_OCTETS ("\xF0\x9F\x93"), R R R },
  { "cut short by ASCII", TAP_OCTETS ("\xE6\x97" "a"), R R "a" },
  { "only what is replaced", TAP_OCTETS ("\1\2\3\4\5\6"), R R R R R R },
  { "dots of its own", TAP_OCTETS ("......................"), "......................" },
};

/* What of FULL (clean, FULL_N octets) is to be seen in SIZE octets: all, or the longest run of
   whole characters with "..." behind, or as many dots as fit.  */
static size_t
shortened (char *dst, size_t size, const char *full, size_t full_n)
{
  size_t keep = 0, dots = size - 1 < 3 ? size - 1 : 3;
  if (full_n < size)
    {
      memcpy (dst, full, full_n);
      return full_n;
    }
  for (size_t i = 0; i + dots < size; i++)
    if (((unsigned char) full[i] & 0xC0) != 0x80)
      keep = i;
  memcpy (dst, full, keep);
  memcpy (dst + keep, "...", dots);
  return keep + dots;
}

/* Clean into a block of exactly SIZE octets, so that the sanitizer sees one too many.  */
static void
expect_cleaned (const char *in, size_t in_n, size_t size, const char *want, size_t want_n)
{
  char *dst = malloc (size), *src = malloc (in_n + 1);
  if (tap_expect (dst && src, "out of memory"))
    {
      memcpy (src, in, in_n);
      memset (dst, 'x', size);
      size_t n = msub_text_clean (dst, size, src, in_n);
      tap_expect (n < size, "%zu octets in room for %zu", n, size);
      tap_expect (n < size && dst[n] == '\0', "no NUL at the end, size %zu", size);
      tap_expect_octets ("the text", dst, n < size ? n : size, want, want_n);
      tap_expect (clean_text (dst, n < size ? n : size), "not clean at size %zu", size);
    }
  free (dst);
  free (src);
}

static void
test_clean (void)
{
  for (size_t r = 0; r < TAP_COUNT (rows); r++)
    {
      tap_begin ("clean: %s, in every size", rows[r].name);
      size_t full_n = strlen (rows[r].out);
      for (size_t size = 1; size <= 40; size++)
        {
          char want[64];
          size_t want_n = shortened (want, size, rows[r].out, full_n);
          expect_cleaned (rows[r].in, rows[r].in_n, size, want, want_n);
        }
      tap_end ();
    }
}

static size_t
encode (uint32_t c, char *dst)
{
  unsigned char *d = (unsigned char *) dst;
  if (c < 0x80)
    return d[0] = (unsigned char) c, 1;
  size_t n = c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
  for (size_t i = n; i-- > 1; c >>= 6)
    d[i] = (unsigned char) (0x80 | (c & 0x3F));
  d[0] = (unsigned char) ((0xFF00 >> n & 0xFF) | c);
  return n;
}

static void
test_every_character (void)
{
  tap_begin ("clean: each code point is kept, or replaced where it may not be shown");
  for (uint32_t c = 0; c < 0x110000; c++)
    {
      char in[4], out[16];
      size_t in_n = encode (c, in), n = msub_text_clean (out, sizeof out, in, in_n);
      if (c >= 0xD800 && c < 0xE000)
        tap_expect_octets ("a surrogate", out, n, TAP_OCTETS (R R R));
      else if (clean_character (c))
        tap_expect_octets ("a character", out, n, in, in_n);
      else
        tap_expect_octets ("a hidden character", out, n, TAP_OCTETS (R));
    }
  tap_end ();

  tap_begin ("clean: any three octets come out clean");
  for (unsigned i = 0; i < 256 * 256; i++)
    for (unsigned third = 0; third < 256; third += 37)
      {
        char in[] = { (char) (i >> 8), (char) i, (char) third }, out[16];
        size_t n = msub_text_clean (out, sizeof out, in, sizeof in);
        tap_expect (clean_text (out, n), "%02X %02X %02X is not clean", i >> 8, i & 0xFF, third);
      }
  tap_end ();
}

static void
test_fail (void)
{
  tap_begin ("fail: fills the error and returns -1");
  struct msub_error err = { 0 };
  tap_expect_int ("the value", msub_fail (&err, MSUB_HOST, "no %s for %d", "address", 7), -1);
  tap_expect_int ("the kind", err.kind, MSUB_HOST);
  tap_expect_text ("the text", err.text, "no address for 7");
  tap_end ();

  tap_begin ("fail: the first error wins");
  tap_expect_int ("the value", msub_fail (&err, MSUB_LOST, "later"), -1);
  tap_expect_int ("the value", msub_fail_errno (&err, MSUB_LOST, EPIPE, "later"), -1);
  tap_expect_int ("the kind", err.kind, MSUB_HOST);
  tap_expect_text ("the text", err.text, "no address for 7");
  tap_end ();

  tap_begin ("fail: with the words for an errno value");
  struct msub_error with_words = { 0 };
  tap_expect_int ("the value",
                  msub_fail_errno (&with_words, MSUB_CONNECT, ECONNREFUSED, "port %d", 587), -1);
  tap_expect_text ("the text", with_words.text, "port 587: Connection refused");
  tap_end ();

  tap_begin ("fail: a shortage is nothing that a person has to change");
  static const struct
  {
    enum msub_kind kind;
    int errnum;
    enum msub_kind expected;
  } shortages[] = {
    { MSUB_MESSAGE, EMFILE, MSUB_INTERNAL },  { MSUB_MESSAGE, ENFILE, MSUB_INTERNAL },
    { MSUB_CONFIG, ENOMEM, MSUB_INTERNAL },   { MSUB_MESSAGE, EIO, MSUB_INTERNAL },
    { MSUB_MESSAGE, ENOENT, MSUB_MESSAGE },   { MSUB_CONFIG, EACCES, MSUB_CONFIG },
    { MSUB_LOST, ENOMEM, MSUB_LOST },         { MSUB_CONFIG, ESTALE, MSUB_INTERNAL },
    { MSUB_CONFIG, ENOTCONN, MSUB_INTERNAL }, { MSUB_MESSAGE, ETIMEDOUT, MSUB_INTERNAL },
    { MSUB_CONFIG, EHOSTDOWN, MSUB_INTERNAL },
  };
  for (size_t i = 0; i < sizeof shortages / sizeof *shortages; i++)
    {
      struct msub_error shortage = { 0 };
      msub_fail_errno (&shortage, shortages[i].kind, shortages[i].errnum, "x");
      tap_expect_int ("the kind", shortage.kind, shortages[i].expected);
    }
  tap_end ();

  tap_begin ("fail: with an errno value that no system has");
  struct msub_error without_words = { 0 };
  msub_fail_errno (&without_words, MSUB_CONNECT, 99999, "port %d", 587);
  /* The words are the C library's own.  */
  tap_expect (strncmp (without_words.text, TAP_OCTETS ("port 587: ")) == 0
              && without_words.text[10] != '\0',
              "the text is \"%s\"", without_words.text);
  tap_end ();

  tap_begin ("fail: the text is cleaned");
  struct msub_error cleaned = { 0 };
  msub_fail (&cleaned, MSUB_REFUSED, "said \"%s\"", "\033[2J\xFF");
  tap_expect_text ("the text", cleaned.text, "said \"" R "[2J" R "\"");
  tap_end ();
}

static void
test_octets (void)
{
  char text[64];
  tap_begin ("octets: what is no UTF-8 is noticed, and kept");
  tap_expect (msub_text_is_utf8 ("", 0) && msub_text_is_utf8 ("Gr\u00fc\u00dfe", 7), "UTF-8 is none");
  tap_expect (!msub_text_is_utf8 ("Gr\xFC\xDF" "e", 5) && !msub_text_is_utf8 ("Gr\xC3", 3), "Latin-1 is UTF-8");
  msub_text_octets (text, sizeof text, "\033a\x80\xBF\xC0\xFF", 6);
  tap_expect_text ("the text", text, R "a\uF780\uF7BF\uF7C0\uF7FF");
  msub_text_octets (text, 8, "\xFF\xFF\xFF", 3);
  tap_expect_text ("the text that is cut", text, "\uF7FF...");
  tap_end ();
}

static void
test_fail_long (void)
{
  static const char *const pieces[] = { "a", "\u00e9", "\u65e5", "\U0001F4E7", "\U000E0041",
                                        "\xFF" };
  for (size_t p = 0; p < TAP_COUNT (pieces); p++)
    {
      tap_begin ("fail: a long text is cut at an edge and ends in dots, piece %zu", p);
      for (size_t shift = 0; shift < 4; shift++)
        {
          char text[4096] = "xxx";
          size_t n = shift, piece_n = strlen (pieces[p]);
          for (; n + piece_n < sizeof text; n += piece_n)
            memcpy (text + n, pieces[p], piece_n);
          text[n] = '\0';
          struct msub_error err = { 0 };
          msub_fail_errno (&err, MSUB_CONFIG, ENOENT, "%s", text);
          size_t length = strlen (err.text);
          tap_expect (length >= MSUB_TEXT_MAX - 7 && length < MSUB_TEXT_MAX, "%zu octets", length);
          tap_expect (clean_text (err.text, length), "not clean");
          tap_expect_text ("the end", err.text + length - 3, "...");
        }
      tap_end ();
    }
}

static void
test_errno_names (void)
{
#define ROW(e) { e, #e }
  static const struct { int errnum; const char *name; } names[] = {
    ROW (ECONNREFUSED), ROW (ECONNRESET), ROW (ETIMEDOUT), ROW (EHOSTUNREACH), ROW (ENETUNREACH),
    ROW (EHOSTDOWN), ROW (EACCES), ROW (EPERM), ROW (EADDRNOTAVAIL), ROW (EAFNOSUPPORT),
    ROW (EINVAL), ROW (ENETDOWN), ROW (ENOPROTOOPT), ROW (EOPNOTSUPP), ROW (EPROTO), ROW (EPIPE),
    ROW (EMFILE), ROW (ENOMEM), ROW (ENOENT),
#ifdef ENONET
    ROW (ENONET),
#endif
  };
#undef ROW
  tap_begin ("errno: the names that matter here");
  char buf[16];
  for (size_t i = 0; i < TAP_COUNT (names); i++)
    tap_expect_text ("the name", msub_errno_name (names[i].errnum, buf), names[i].name);
  tap_end ();

  tap_begin ("errno: a number where there is no name");
  tap_expect_text ("0", msub_errno_name (0, buf), "E0");
  tap_expect_text ("99999", msub_errno_name (99999, buf), "E99999");
  tap_expect_text ("the least", msub_errno_name (-2147483647 - 1, buf), "E-2147483648");
  tap_end ();
}

static void
test_wipe (void)
{
  tap_begin ("wipe: the octets asked for and no others");
  char secret[] = "hunter2 and more";
  msub_wipe (secret, 7);
  tap_expect_octets ("the block", secret, sizeof secret - 1,
                     TAP_OCTETS ("\0\0\0\0\0\0\0 and more"));
  msub_wipe (NULL, 7);
  tap_end ();

  tap_begin ("wipe and free: sets the pointer to NULL, and takes NULL");
  char *copy = strdup ("hunter2");
  msub_wipe_free (&copy);
  tap_expect (copy == NULL, "still set");
  msub_wipe_free (&copy);
  tap_end ();
}

static void
test_format (void)
{
  tap_begin ("a text that is put together is cut at a character's edge");
  static const char eaa[] = "\u00e9a\u65e5\U0001F4E7";
  char dst[64];
  for (size_t size = 1; size < sizeof dst; size++)
    {
      char guard = dst[size - 1] = 'x';
      size_t n = msub_text_format (dst, size, "(%s %d %s)", eaa, 7, eaa);
      tap_expect (n < size && strlen (dst) == n && clean_text (dst, n), "in %zu octets it is \"%s\"", size, dst);
      (void) guard;
    }
  msub_text_format (dst, sizeof dst, "%s\n\xE9", "a");
  tap_expect_text ("what is not clean", dst, "a" R R);
  tap_end ();
  tap_begin ("a text far too long is cut at a character's edge");
  char *large = malloc (10000), *out = malloc (10000);
  for (size_t lead = 0; lead < 3; lead++)
    {
      memset (large, 'a', lead);
      for (size_t i = lead; i + 3 < 10000; i += 3)
        memcpy (large + i, "\u65e5", 4);
      size_t n = msub_text_format (out, 1000, "%s", large);
      tap_expect (n < 1000 && n > 990 && clean_text (out, n), "with %zu in front it has %zu octets", lead, n);
    }
  free (large);
  free (out);
  tap_end ();
}

static void
test_letters (void)
{
  static const struct
  {
    const char *a, *b;
    size_t n;
    bool alike;
  } pairs[] = {
    { "plain", "PLAIN", SIZE_MAX, true }, { "plain", "PLAINS", SIZE_MAX, false }, { "plains", "PLAIN", SIZE_MAX, false },
    { "plains", "PLAIN", 5, true },       { "plan", "PLAIN", 5, false },          { "", "", SIZE_MAX, true },
    { "[", "{", 1, false },               { "\xE9", "\xC9", 1, false },           { "x", "y", 0, true },
    { "\xC4\xB1", "I", SIZE_MAX, false }, { "\xFD", "I", 1, false },
  };
  tap_begin ("letters are the same in either case, in ASCII alone");
  for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++)
    tap_expect (msub_text_alike (pairs[i].a, pairs[i].b, pairs[i].n) == pairs[i].alike, "%s and %s", pairs[i].a, pairs[i].b);
  for (int c = 0; c < 256; c++)
    tap_expect (msub_text_upper ((char) c) == (char) (c >= 'a' && c <= 'z' ? c - 32 : c), "the capital of %d", c);
  tap_end ();

  tap_begin ("a word is found in whatever case");
  static const char text[] = "554 CHUNKING is not for 8bit";
  tap_expect (msub_text_find (text, "chunking") == text + 4, "in capital letters");
  tap_expect (msub_text_find (text, "8BIT") == text + 24, "at the end");
  tap_expect (msub_text_find (text, "8bits") == NULL, "beyond the end");
  tap_expect (msub_text_find ("", "x") == NULL && msub_text_find ("aab", "ab") != NULL, "where there is nothing, or a false start");
  tap_end ();
}

int
main (void)
{
  test_kinds ();
  test_letters ();
  test_clean ();
  test_every_character ();
  test_fail ();
  test_octets ();
  test_fail_long ();
  test_errno_names ();
  test_wipe ();
  test_format ();
  return tap_done ();
}
