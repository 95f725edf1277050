/* fuzz-reply.c --- the reply parser and the EHLO keywords under any input.

   The first octet says how the rest is cut into feeds.  In one input of 64 the rest's first line
   comes in front of it many times more, as the second octet says, so that bounds are within reach.
   SPDX-License-Identifier: GPL-3.0-or-later  */

#include "../../module/reply.h"
#include "clean.h"
#include "fuzz.h"

#include <string.h>

/* More lines and more text than a reply may have; its octets are test-reply.c's, to keep this
   fast.  */
enum { REPEATED_MAX = MSUB_REPLY_TEXT_MAX + 4096 };

static struct msub_reply_parser whole, cut;

/* Feed in pieces of STEP octets.  Returns the last status, *USED_R as a whole.  */
static int
feed (struct msub_reply_parser *parser, const char *in, size_t n, size_t step, size_t *used_r,
      struct msub_error *err)
{
  int status = 0;
  msub_reply_reset (parser);
  *used_r = 0;
  while (status == 0 && *used_r < n)
    {
      size_t length = n - *used_r < step ? n - *used_r : step, used = SIZE_MAX;
      status = msub_reply_feed (parser, in + *used_r, length, &used, err);
      MUST (used <= length);
      MUST (status != 0 || used == length);
      *used_r += used;
    }
  return status;
}

/* A complete reply of N octets has the form of RFC 5321 section 4.2, read here line by line.  */
static void
check_form (const struct msub_reply *reply, const char *in, size_t n)
{
  char code[16];
  unsigned lines = 0;
  size_t text = 0;
  snprintf (code, sizeof code, "%03d", reply->code);
  MUST (reply->code >= 200 && reply->code <= 599);
  MUST (n > 0 && in[n - 1] == '\n');
  for (const char *line = in, *end; line < in + n; line = end + 1, lines++)
    {
      end = memchr (line, '\n', (size_t) (in + n - line));
      MUST (end != NULL);
      size_t length = (size_t) (end - line);
      length -= length > 0 && line[length - 1] == '\r';
      bool last = end + 1 == in + n;
      MUST (length >= 3 && length <= MSUB_REPLY_LINE_MAX && memcmp (line, code, 3) == 0);
      MUST (last ? length == 3 || line[3] == ' ' : length > 3 && line[3] == '-');
      size_t skip = length > 3 ? 4 : 3, room = MSUB_REPLY_TEXT_MAX - text;
      size_t kept = length - skip < room ? length - skip : room;
      MUST (memcmp (reply->text + text, line + skip, kept) == 0);
      text += kept;
      if (text < MSUB_REPLY_TEXT_MAX)
        MUST (reply->text[text++] == '\n');
    }
  MUST (lines == reply->lines && lines <= MSUB_REPLY_LINES_MAX && n <= MSUB_REPLY_OCTETS_MAX);
  MUST (text == reply->text_length);
}

static void
check_enhanced (const struct msub_reply *reply)
{
  int class, subject, detail, n = 0;
  if (reply->enhanced[0] == '\0')
    return;
  MUST (sscanf (reply->enhanced, "%1d.%3d.%3d%n", &class, &subject, &detail, &n) == 3);
  MUST (reply->enhanced[n] == '\0' && class == reply->code / 100 && class != 3);
}

static void
check_words (const struct msub_reply *reply, size_t size)
{
  static char words[4096];
  memset (words, 'x', sizeof words);
  msub_reply_words (reply, words, size);
  const char *end = memchr (words, '\0', size);
  MUST (end != NULL);
  MUST (clean_text (words, (size_t) (end - words)));
  MUST (words[size] == 'x');
}

static void
check_capabilities (const struct msub_reply *reply)
{
  struct msub_capabilities caps;
  msub_capabilities_parse (reply, &caps);
  const char *names_end = memchr (caps.names, '\0', sizeof caps.names);
  const char *mechanisms_end = memchr (caps.mechanisms, '\0', sizeof caps.mechanisms);
  MUST (names_end && (names_end == caps.names || names_end[-1] == '\n'));
  MUST (mechanisms_end && (mechanisms_end == caps.mechanisms || mechanisms_end[-1] != ' '));
  MUST (strspn (caps.names, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-\n") == strlen (caps.names));
  MUST (strspn (caps.mechanisms, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_ ")
        == strlen (caps.mechanisms));
  MUST (caps.auth || caps.mechanisms[0] == '\0');
  MUST (caps.size || caps.size_limit == 0);
  struct msub_capabilities words = caps;
  for (char *word = strtok (words.mechanisms, " "); word; word = strtok (NULL, " "))
    MUST (strlen (word) <= 20 && msub_capabilities_offer (&caps, word));
}

/* Both parsers were given the same octets.  */
static void
compare (int status, const struct msub_error *err_whole, const struct msub_error *err_cut)
{
  MUST (err_whole->kind == (status < 0 ? MSUB_PROTOCOL : MSUB_OK));
  MUST (err_cut->kind == err_whole->kind);
  MUST (whole.reply.code == cut.reply.code && whole.reply.lines == cut.reply.lines);
  MUST (strcmp (whole.reply.enhanced, cut.reply.enhanced) == 0);
  MUST (whole.reply.text_length == cut.reply.text_length);
  MUST (whole.reply.text_length <= MSUB_REPLY_TEXT_MAX);
  MUST (memcmp (whole.reply.text, cut.reply.text, whole.reply.text_length + 1) == 0);
  MUST (whole.reply.text[whole.reply.text_length] == '\0');
  if (status >= 0)
    return;
  /* What is quoted is as much as had come; the words before it are the same.  */
  const char *quote = strchr (err_whole->text, '"');
  size_t n = quote ? (size_t) (quote - err_whole->text) : sizeof err_whole->text;
  MUST (strncmp (err_whole->text, err_cut->text, n) == 0);
  MUST (clean_text (err_whole->text, strlen (err_whole->text)));
  MUST (clean_text (err_cut->text, strlen (err_cut->text)));
}

static void
check (const char *in, size_t n, size_t step)
{
  struct msub_error err_whole = { 0 }, err_cut = { 0 };
  size_t used_whole, used_cut;
  int status = feed (&whole, in, n, n, &used_whole, &err_whole);
  MUST (feed (&cut, in, n, step, &used_cut, &err_cut) == status);
  MUST (used_whole == used_cut);
  compare (status, &err_whole, &err_cut);
  if (status <= 0)
    return;
  check_form (&whole.reply, in, used_whole);
  check_enhanced (&whole.reply);
  check_words (&whole.reply, 1 + step);
  check_words (&whole.reply, 4000);
  check_capabilities (&whole.reply);
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  if (size < 2)
    return 0;
  const char *in = (const char *) data + 2, *line_end = memchr (in, '\n', size - 2);
  size_t n = size - 2, line = line_end ? (size_t) (line_end + 1 - in) : 0;
  /* Chosen by all octets, so that what is made of a slow input is fast again.  */
  unsigned sum = 0;
  for (size_t i = 0; i < size; i++)
    sum = sum * 31 + data[i];
  size_t times = line && sum / 64 % 64 == 0 ? data[1] * 8u : 0;
  if (times * line > REPEATED_MAX)
    times = REPEATED_MAX / line;
  char *text = malloc (n + times * line + 1);
  MUST (text != NULL);
  for (size_t i = 0; i < times; i++)
    memcpy (text + i * line, in, line);
  memcpy (text + times * line, in, n);
  check (text, n + times * line, data[0] + 1u);
  free (text);
  return 0;
}
