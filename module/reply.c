/* reply.c --- SMTP replies (RFC 5321 section 4.2), parsed octet by octet, and EHLO keywords.

   Floor 1, pure.  Nothing here is a C string while it comes from the wire: NUL is an octet like
   any other (SECURITY: G6).  Rows G1-G17 are tested in test/c/test-reply.c.
   SPDX-License-Identifier: GPL-3.0-or-later  */

#include "reply.h"

#include <stdio.h>
#include <string.h>

#define NOT_SMTP "The server's answer is not SMTP: "

/* What a quotation in an error text holds at most, its "..." and NUL included.  */
#define QUOTE_SIZE 64
#define REASON_SIZE 256

void
msub_reply_reset (struct msub_reply_parser *parser)
{
  memset (parser, 0, sizeof *parser);
}

static bool
is_digit (char c)
{
  return c >= '0' && c <= '9';
}

static size_t
head_length (const struct msub_reply_parser *parser)
{
  return parser->column < sizeof parser->head ? parser->column : sizeof parser->head;
}

/* Fail with WORDS and the present line as far as it is known, SIZE octets at most: its head, and of
   the N octets at REST those before the line's end.  Not waiting for the rest of the line is on
   purpose: who does not speak SMTP may never end it.  */
static int
fail_quoting (const struct msub_reply_parser *parser, const char *words, const char *rest, size_t n,
              size_t size, struct msub_error *err)
{
  char said[2 * REASON_SIZE], quote[REASON_SIZE];
  size_t length = head_length (parser);
  memcpy (said, parser->head, length);
  for (size_t i = 0; i < n && length < sizeof said && rest[i] != '\r' && rest[i] != '\n'; i++)
    said[length++] = rest[i];
  msub_text_clean (quote, size, said, length);
  return msub_fail (err, MSUB_PROTOCOL, NOT_SMTP "%s: \"%s\"", words, quote);
}

static int
fail_line (const struct msub_reply_parser *parser, const char *words, const char *rest, size_t n,
           struct msub_error *err)
{
  return fail_quoting (parser, words, rest, n, QUOTE_SIZE, err);
}

/* C is the code's next digit, or should be; REST begins with it.  */
static int
take_code (struct msub_reply_parser *parser, char c, const char *rest, size_t n,
           struct msub_error *err)
{
  bool line_end = c == '\r' || c == '\n';
  if (line_end && parser->column == 0)
    return msub_fail (err, MSUB_PROTOCOL, NOT_SMTP "an empty line");
  if (!is_digit (c) || (parser->column == 0 && (c < '2' || c > '5')))
    return fail_line (parser, "no three-digit code", rest, n, err);
  parser->head[parser->column++] = c;
  if (parser->column < 3)
    return 0;
  const char *h = parser->head;
  int code = 100 * (h[0] - '0') + 10 * (h[1] - '0') + (h[2] - '0');
  if (parser->reply.code != 0 && parser->reply.code != code)
    {
      char words[64];
      snprintf (words, sizeof words, "the code changes from %d to %d within one reply",
                parser->reply.code, code);
      /* Some greet with 220 and say in the next line why not.  */
      return fail_quoting (parser, words, rest + 1, n - 1, REASON_SIZE, err);
    }
  parser->reply.code = code;
  return 0;
}

/* What goes beyond the bound is dropped.  The NUL behind the text is there since the reset.  */
static void
keep (struct msub_reply *reply, char c)
{
  if (reply->text_length < MSUB_REPLY_TEXT_MAX)
    reply->text[reply->text_length++] = c;
}

/* C comes behind the code and does not end the line; REST is what follows it.  */
static int
take_text (struct msub_reply_parser *parser, char c, const char *rest, size_t n,
           struct msub_error *err)
{
  if (parser->column == MSUB_REPLY_LINE_MAX)
    return msub_fail (err, MSUB_PROTOCOL, NOT_SMTP "a line of more than %d octets",
                      MSUB_REPLY_LINE_MAX);
  if (parser->column < sizeof parser->head)
    parser->head[parser->column] = c;
  parser->column++;
  if (parser->column > 4)
    keep (&parser->reply, c);
  else if (c != ' ' && c != '-')
    return fail_line (parser, "neither a space nor a hyphen after the code", rest, n, err);
  return 0;
}

/* The length of the enhanced status code (RFC 2034 section 4: class, subject, detail) at the
   beginning of the N octets of TEXT, or 0 where there is none of class CLASS.  */
static size_t
enhanced_length (const char *text, size_t n, char class)
{
  if (n < 1 || text[0] != class || class == '3')
    return 0;
  size_t i = 1;
  for (int part = 0; part < 2; part++)
    {
      if (i == n || text[i] != '.')
        return 0;
      size_t start = ++i;
      while (i < n && i - start < 3 && is_digit (text[i]))
        i++;
      if (i == start)
        return 0;
    }
  return i == n || text[i] == ' ' ? i : 0;
}

/* The line is complete.  Returns 1 when the reply is.  The enhanced code is that of the last line: there may be no more.  */
static int
take_line_end (struct msub_reply_parser *parser, struct msub_error *err)
{
  struct msub_reply *reply = &parser->reply;
  reply->lines++;
  keep (reply, '\n');
  size_t n = parser->column > 4 ? head_length (parser) - 4 : 0;
  memset (reply->enhanced, 0, sizeof reply->enhanced);
  memcpy (reply->enhanced, parser->head + 4, enhanced_length (parser->head + 4, n, parser->head[0]));
  if (parser->column == 3 || parser->head[3] == ' ')
    {
      parser->done = true;
      return 1;
    }
  if (reply->lines == MSUB_REPLY_LINES_MAX)
    return msub_fail (err, MSUB_PROTOCOL, NOT_SMTP "a reply of more than %d lines",
                      MSUB_REPLY_LINES_MAX);
  parser->column = 0;
  parser->cr = false;
  return 0;
}

/* Take the first of N octets (at least one); the others only serve to quote them.  */
static int
take (struct msub_reply_parser *parser, const char *octets, size_t n, struct msub_error *err)
{
  if (parser->octets == MSUB_REPLY_OCTETS_MAX)
    return msub_fail (err, MSUB_PROTOCOL, NOT_SMTP "a reply of more than %d octets",
                      MSUB_REPLY_OCTETS_MAX);
  parser->octets++;
  char c = *octets;
  if (parser->column < 3)
    return take_code (parser, c, octets, n, err);
  if (c == '\n')
    return take_line_end (parser, err);
  if (parser->cr && take_text (parser, '\r', octets, n, err) < 0)
    return -1;
  parser->cr = c == '\r';
  return parser->cr ? 0 : take_text (parser, c, octets + 1, n - 1, err);
}

int
msub_reply_feed (struct msub_reply_parser *parser, const char *octets, size_t n, size_t *used_r,
                 struct msub_error *err)
{
  int status = parser->done ? 1 : 0;
  size_t used = 0;
  for (; used < n && status == 0; used++)
    status = take (parser, octets + used, n - used, err);
  *used_r = used;
  return status;
}

bool
msub_reply_cut_off (struct msub_reply_parser *parser)
{
  struct msub_error none = { 0 };
  if (parser->reply.code < 400)
    return false;
  parser->head[3] = ' ';
  if (parser->column >= 3 && !parser->done)
    take_line_end (parser, &none);
  parser->done = true;
  return true;
}

/* The length of the enhanced code of REPLY and the spaces behind it at the beginning of the N octets of TEXT, or 0.  */
static size_t
code_length (const struct msub_reply *reply, const char *text, size_t n)
{
  size_t length = strlen (reply->enhanced);
  bool same = length > 0 && n > length && memcmp (text, reply->enhanced, length) == 0 && text[length] == ' ';
  return same ? length + strspn (text + length, " ") : 0;
}

void
msub_reply_words (const struct msub_reply *reply, char *dst, size_t size)
{
  char raw[MSUB_REPLY_TEXT_MAX + 16];
  size_t length = (size_t) snprintf (raw, 16, "%d", reply->code);
  bool line_start = true;
  /* The code that stands on each line (RFC 2034 section 4) is said once.  */
  bool repeated = code_length (reply, reply->text, reply->text_length) > 0;
  for (size_t i = 0; i < reply->text_length; i++)
    {
      if (line_start && repeated && i > 0)
        i += code_length (reply, reply->text + i, reply->text_length - i);
      char c = reply->text[i];
      if (c != '\n')
        {
          if (line_start)
            raw[length++] = ' ';
          raw[length++] = c == '\t' ? ' ' : c;
        }
      line_start = c == '\n';
    }
  msub_text_clean (dst, size, raw, length);
}

void
msub_reply_lines (const struct msub_reply *reply, char *dst, size_t size)
{
  const char *line = reply->text, *end = reply->text + reply->text_length;
  size_t length = 0;
  while (line < end)
    {
      const char *newline = memchr (line, '\n', (size_t) (end - line));
      size_t n = (size_t) ((newline ? newline : end) - line);
      char clean[MSUB_REPLY_LINE_SHOWN];
      size_t shown = msub_text_is_utf8 (line, n) ? msub_text_clean (clean, sizeof clean, line, n)
                                                 : msub_text_octets (clean, sizeof clean, line, n);
      if (length + shown + 2 > size)
        break;
      memcpy (dst + length, clean, shown);
      length += shown;
      dst[length++] = '\n';
      line += n + 1;
    }
  dst[length] = '\0';
}

/* A piece of a line, not NUL-terminated.  */
struct word
{
  const char *start;
  size_t length;
};

/* Is the word as long as NAME (upper case) and, apart from case, the same?  */
static bool
word_is (struct word word, const char *name)
{
  if (word.length != strlen (name))
    return false;
  for (size_t i = 0; i < word.length; i++)
    if (msub_text_upper (word.start[i]) != name[i])
      return false;
  return true;
}

/* Does LIST, words each ended by SEPARATOR or by the list's end, hold WORD?  */
static bool
list_has (const char *list, char separator, struct word word)
{
  while (*list)
    {
      size_t length = 0;
      while (list[length] != '\0' && list[length] != separator)
        length++;
      struct word item = { list, length };
      bool same = item.length == word.length;
      for (size_t i = 0; same && i < length; i++)
        same = item.start[i] == msub_text_upper (word.start[i]);
      if (same)
        return true;
      list += length + (list[length] != '\0');
    }
  return false;
}

/* Append WORD in upper case and SEPARATOR to LIST of SIZE octets, unless it is there already or
   does not fit.  */
static void
list_add (char *list, size_t size, char separator, struct word word)
{
  size_t length = strlen (list);
  if (word.length + 2 > size - length || list_has (list, separator, word))
    return;
  for (size_t i = 0; i < word.length; i++)
    list[length++] = msub_text_upper (word.start[i]);
  list[length++] = separator;
  list[length] = '\0';
}

/* Cut the first word off the line REST: what stands before the first space, or all of it.  */
static struct word
next_word (struct word *rest)
{
  const char *space = rest->length ? memchr (rest->start, ' ', rest->length) : NULL;
  struct word word = { rest->start, space ? (size_t) (space - rest->start) : rest->length };
  size_t taken = word.length + (space != NULL);
  rest->start += taken;
  rest->length -= taken;
  return word;
}

/* Is WORD made of letters, digits and OTHERS alone, and not empty?  */
static bool
word_has_only (struct word word, const char *others)
{
  for (size_t i = 0; i < word.length; i++)
    {
      char c = msub_text_upper (word.start[i]);
      if (!(c >= 'A' && c <= 'Z') && !is_digit (c) && (c == '\0' || !strchr (others, c)))
        return false;
    }
  return word.length > 0;
}

/* Digits alone, and a number that fits; else 0: no limit known (SECURITY: H15).  */
static uint64_t
parse_size (struct word argument)
{
  uint64_t limit = 0;
  for (size_t i = 0; i < argument.length; i++)
    {
      if (!is_digit (argument.start[i]))
        return 0;
      uint64_t digit = (uint64_t) (argument.start[i] - '0');
      if (limit > (UINT64_MAX - digit) / 10)
        return 0;
      limit = 10 * limit + digit;
    }
  return limit;
}

/* WORD up to a comma, if it has one.  */
static struct word
before_comma (struct word word)
{
  const char *comma = word.length ? memchr (word.start, ',', word.length) : NULL;
  return (struct word) { word.start, comma ? (size_t) (comma - word.start) : word.length };
}

/* A time in UTC as "2026-12-24T18:00:00Z", which can be compared as text; else "": no limit known.  */
static void
parse_time (struct word word, char time_r[MSUB_TIME])
{
  static const char shape[] = "dddd-dd-ddTdd:dd:ddZ";
  time_r[0] = '\0';
  if (word.length != strlen (shape))
    return;
  for (size_t i = 0; i < word.length; i++)
    if (shape[i] == 'd' ? !is_digit (word.start[i]) : word.start[i] != shape[i])
      return;
  memcpy (time_r, word.start, word.length);
  time_r[word.length] = '\0';
}

static void
parse_mechanisms (struct msub_capabilities *caps, struct word rest)
{
  caps->auth = true;
  while (rest.length > 0)
    {
      struct word word = next_word (&rest);
      if (word.length <= 20 && word_has_only (word, "-_"))
        list_add (caps->mechanisms, sizeof caps->mechanisms, ' ', word);
    }
}

/* WORD is "NAME=100" (RFC 9422 section 4): a number that is not one is no limit.  */
static void
parse_limit (struct word word, const char *name, unsigned *limit_r)
{
  const size_t length = strlen (name);
  if (word.length <= length || !word_is ((struct word) { word.start, length }, name))
    return;
  uint64_t limit = parse_size ((struct word) { word.start + length, word.length - length });
  *limit_r = limit < 1000000 ? (unsigned) limit : 0;
}

static void
parse_limits (struct msub_capabilities *caps, struct word rest)
{
  while (rest.length > 0)
    {
      struct word word = next_word (&rest);
      parse_limit (word, "RCPTMAX=", &caps->recipients_max);
      parse_limit (word, "RCPTDOMAINMAX=", &caps->domains_max);
      parse_limit (word, "MAILMAX=", &caps->mails_max);
    }
}

/* KEYWORD, if it is one of those without a value of interest, is offered or not.  */
static void
set_flag (struct msub_capabilities *caps, struct word keyword, bool offered)
{
  const struct { const char *name; bool *offered; } flags[] = {
#define FLAG(name, member) { name, &caps->member },
    MSUB_CAPABILITY_FLAGS (FLAG)
#undef FLAG
  };
  for (size_t i = 0; i < sizeof flags / sizeof *flags; i++)
    if (word_is (keyword, flags[i].name))
      *flags[i].offered = offered;
}

static void
parse_keyword (struct msub_capabilities *caps, struct word line)
{
  struct word rest = line, keyword = next_word (&rest);
  const size_t old_form = sizeof "AUTH=" - 1;
  if (keyword.length >= old_form && word_is ((struct word) { keyword.start, old_form }, "AUTH="))
    {
      rest = (struct word) { line.start + old_form, line.length - old_form };
      keyword.length = old_form - 1;
    }
  if (!word_has_only (keyword, "-"))
    return;
  list_add (caps->names, sizeof caps->names, '\n', keyword);
  set_flag (caps, keyword, true);
  if (word_is (keyword, "SIZE"))
    caps->size_limit = parse_size (rest);
  else if (word_is (keyword, "DELIVERBY"))
    caps->deliver_by_least = parse_size (before_comma (rest)); /* what comes then is for extensions */
  else if (word_is (keyword, "FUTURERELEASE"))
    {
      caps->hold_most = parse_size (next_word (&rest));
      parse_time (next_word (&rest), caps->hold_latest);
    }
  else if (word_is (keyword, "AUTH"))
    parse_mechanisms (caps, rest);
  else if (word_is (keyword, "LIMITS"))
    parse_limits (caps, rest);
}

void
msub_capabilities_parse (const struct msub_reply *reply, struct msub_capabilities *caps_r)
{
  memset (caps_r, 0, sizeof *caps_r);
  const char *line = reply->text, *end = reply->text + reply->text_length, *line_end;
  /* A line without its '\n' was cut off at the text's bound: "STARTTLSX" could look like
     STARTTLS.  */
  for (bool first = true; line < end && (line_end = memchr (line, '\n', (size_t) (end - line)));
       first = false, line = line_end + 1)
    if (!first)
      parse_keyword (caps_r, (struct word) { line, (size_t) (line_end - line) });
  size_t length = strlen (caps_r->mechanisms);
  if (length > 0)
    caps_r->mechanisms[length - 1] = '\0';
}

void
msub_capabilities_leave_out (struct msub_capabilities *caps, const char *keywords)
{
  while (*keywords)
    {
      struct word keyword = { keywords, strcspn (keywords, ",") };
      set_flag (caps, keyword, false);
      if (word_is (keyword, "SIZE"))
        caps->size_limit = 0;
      else if (word_is (keyword, "LIMITS"))
        caps->recipients_max = caps->domains_max = caps->mails_max = 0;
      keywords += keyword.length + (keywords[keyword.length] == ',');
    }
}

bool
msub_capabilities_offer (const struct msub_capabilities *caps, const char *mechanism)
{
  return *mechanism && list_has (caps->mechanisms, ' ',
                                 (struct word) { mechanism, strlen (mechanism) });
}
