/* envelope.c --- who writes to whom, and what is asked for: may it be said, can the server do it, MAIL and RCPT.

   Floor 5.  SPDX-License-Identifier: GPL-3.0-or-later  */

#define _GNU_SOURCE
#include "envelope.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool
ascii (const char *s)
{
  for (; *s; s++)
    if ((unsigned char) *s > 127)
      return false;
  return true;
}

/* May ADDRESS stand between angle brackets in MAIL and RCPT?  ("" may, for MAIL.)  SECURITY: K1-K7.  */
static bool
address_fine (const char *address, struct msub_error *err)
{
  char clean[300];
  size_t length = strlen (address);
  size_t clean_length = msub_text_clean (clean, sizeof clean, address, length);
  const char *fault = NULL;
  if (length > 254)
    fault = "it is longer than 254 octets";
  else if (clean_length != length || memcmp (clean, address, length) != 0)
    fault = "it holds control or invisible characters";
  bool quoted = false;
  for (const char *p = address; *p && !fault; p++)
    if (*p == '"')
      quoted = !quoted;
    else if (quoted && *p == '\\' && p[1])
      p++;
    else if (*p == '<' || *p == '>')
      fault = "it holds an angle bracket";
    else if (*p == ' ' && !quoted)
      fault = "it holds a space";
  if (!fault && quoted)
    fault = "a quotation mark is not closed";
  if (fault)
    msub_fail (err, MSUB_MESSAGE, "The address %s cannot be used: %s", clean, fault);
  return !fault;
}

/* May VALUE be the value of an ESMTP parameter (RFC 5321 section 4.1.2, esmtp-value)?  WHAT is called in ERR.  */
static bool
parameter_fine (const char *value, const char *what, struct msub_error *err)
{
  for (const char *p = value; *p; p++)
    if (*p < '!' || *p > '~' || *p == '=')
      {
        char clean[100];
        msub_text_clean (clean, sizeof clean, value, strlen (value));
        msub_fail (err, MSUB_MESSAGE, "The %s cannot be used: %s", what, clean);
        return false;
      }
  return true;
}

int
msub_envelope_check (const struct msub_envelope *envelope, struct msub_error *err)
{
  const struct msub_extensions *e = &envelope->extensions;
  const char *const parameters[][2] = {
    { e->dsn_return, "DSN return" },   { e->dsn_notify, "DSN notification" }, { e->deliver_by, "delivery time" },
    { e->hold_for, "time to hold" },   { e->hold_until, "time to hold" },     { e->priority, "priority" },
  };
  if (envelope->count == 0)
    return msub_fail (err, MSUB_MESSAGE, "The message has no recipient");
  if (!address_fine (envelope->from, err))
    return -1;
  for (size_t i = 0; i < envelope->count; i++)
    {
      if (envelope->recipients[i][0] == '\0')
        return msub_fail (err, MSUB_MESSAGE, "A recipient's address is empty");
      if (!address_fine (envelope->recipients[i], err)
          || (envelope->notify && !parameter_fine (envelope->notify[i], "DSN notification", err))
          || (envelope->original && !parameter_fine (envelope->original[i], "original recipient", err)))
        return -1;
    }
  for (size_t i = 0; i < sizeof parameters / sizeof *parameters; i++)
    if (parameters[i][0] && !parameter_fine (parameters[i][0], parameters[i][1], err))
      return -1;
  return 0;
}

/* Copy TEXT to DST as xtext (RFC 3461 section 4).  False when it does not fit.  */
static bool
put_xtext (char *dst, size_t size, const char *text)
{
  size_t n = 0;
  for (; *text; text++)
    {
      unsigned char c = (unsigned char) *text;
      if (n + 4 > size)
        return false;
      if (c < '!' || c > '~' || c == '+' || c == '=')
        n += (size_t) snprintf (dst + n, size - n, "+%02X", c);
      else
        dst[n++] = (char) c;
    }
  dst[n] = '\0';
  return true;
}

/* A command that grows.  */
struct line
{
  char text[2 * MSUB_COMMAND_MAX];
  size_t length;
  bool overflow;
};

static void add (struct line *line, const char *format, ...) __attribute__ ((format (printf, 2, 3)));

static void
add (struct line *line, const char *format, ...)
{
  va_list args;
  va_start (args, format);
  int n = vsnprintf (line->text + line->length, sizeof line->text - line->length, format, args);
  va_end (args);
  if (n < 0 || (size_t) n >= sizeof line->text - line->length)
    line->overflow = true;
  else
    line->length += (size_t) n;
}

static void
add_xtext (struct line *line, const char *name, const char *text)
{
  char xtext[800];
  if (put_xtext (xtext, sizeof xtext, text))
    add (line, " %s%s", name, xtext);
  else
    line->overflow = true;
}

static int
put_finished (struct msub_smtp *smtp, const struct line *line, struct msub_error *err)
{
  if (line->overflow)
    return msub_fail (err, MSUB_MESSAGE, "A command would be longer than SMTP allows");
  return msub_smtp_put (smtp, line->text, NULL, err);
}

static bool
takes_binary (const struct msub_smtp *smtp)
{
  return smtp->caps.chunking && smtp->caps.binarymime;
}

bool
msub_smtp_sends_binary (const struct msub_smtp *smtp, const struct msub_envelope *envelope)
{
  return envelope->extensions.binary && takes_binary (smtp);
}

bool
msub_smtp_needs_seven_bit (const struct msub_smtp *smtp, const struct msub_body_facts *facts, bool binary)
{
  if (binary)
    return !takes_binary (smtp) || facts->bare_header;
  return facts->eight_bit && !smtp->caps.eightbitmime;
}

const char *
msub_envelope_odd_address (const struct msub_envelope *envelope)
{
  if (!ascii (envelope->from))
    return envelope->from;
  for (size_t i = 0; i < envelope->count; i++)
    if (!ascii (envelope->recipients[i]))
      return envelope->recipients[i];
  return NULL;
}

/* OCTETS as people say it.  */
struct size
{
  char text[32];
};

static struct size
size_words (uint64_t octets)
{
  struct size size;
  if (octets < 1000)
    snprintf (size.text, sizeof size.text, "%d bytes", (int) octets);
  else if (octets < 1000000)
    snprintf (size.text, sizeof size.text, "%.1f KB", (double) octets / 1000);
  else
    snprintf (size.text, sizeof size.text, "%.1f MB", (double) octets / 1000000);
  return size;
}

/* VALUE begins with a number, of seconds.  */
static uint64_t
seconds (const char *value)
{
  return strtoull (value, NULL, 10);
}

/* What is wished for, and cannot be done without.  A server that has a limit tells it (RFC 2852 section 2, RFC 4865 section 3), and
   of a time that is over it would say no more than that it does not understand.  */
static int
check_wishes (const struct msub_smtp *smtp, const struct msub_extensions *wanted, struct msub_error *err)
{
  const struct msub_capabilities *caps = &smtp->caps;
  const char *peer = smtp->c->peer.text;
  bool returned = wanted->deliver_by && strstr (wanted->deliver_by, ";R");
  err->about = "wish";
  if (wanted->require_tls && !(caps->requiretls && smtp->tls && smtp->verified))
    return msub_fail (err, MSUB_INSECURE,
                      "%s cannot promise TLS on the whole way (no REQUIRETLS over verified TLS). The message was not sent", peer);
  if (wanted->deliver_by && !caps->deliverby)
    return msub_fail (err, MSUB_REFUSED, "%s cannot be told by when to deliver (no DELIVERBY). The message was not sent", peer);
  if (returned && seconds (wanted->deliver_by) < caps->deliver_by_least)
    return msub_fail (err, MSUB_REFUSED,
                      "%s wants %" PRIu64 " seconds at least to deliver in, or else return, a message. It was not sent", peer,
                      caps->deliver_by_least);
  if ((wanted->hold_for || wanted->hold_until) && !caps->futurerelease)
    return msub_fail (err, MSUB_REFUSED, "%s cannot hold a message back (no FUTURERELEASE). The message was not sent", peer);
  if (wanted->hold_for && caps->hold_most && seconds (wanted->hold_for) > caps->hold_most)
    return msub_fail (err, MSUB_REFUSED, "%s holds a message back for %" PRIu64 " seconds at most. It was not sent", peer,
                      caps->hold_most);
  if (wanted->hold_until && caps->hold_latest[0] && strcmp (wanted->hold_until, caps->hold_latest) > 0)
    return msub_fail (err, MSUB_REFUSED, "%s holds a message back until %s at the latest. It was not sent", peer,
                      caps->hold_latest);
  err->about = NULL;
  return 0;
}

int
msub_smtp_check_offer (const struct msub_smtp *smtp, const struct msub_envelope *envelope,
                       const struct msub_body_facts *facts, struct msub_error *err)
{
  const struct msub_capabilities *caps = &smtp->caps;
  const struct msub_extensions *wanted = &envelope->extensions;
  const char *peer = smtp->c->peer.text, *odd = msub_envelope_odd_address (envelope);
  if (odd && !caps->smtputf8)
    return msub_fail (err, MSUB_MESSAGE,
                      "%s takes ASCII addresses only (no SMTPUTF8), so it cannot take mail for %s. Nothing was sent", peer,
                      odd);
  if ((facts->first_nul || wanted->binary) && !msub_smtp_sends_binary (smtp, envelope))
    return msub_fail (err, MSUB_MESSAGE,
                      "%s takes no binary messages (no BINARYMIME), and this one %s. Nothing was sent; encode it as base64",
                      peer, facts->first_nul ? "holds NUL octets" : "says that it is binary");
  if (wanted->binary && facts->bare_header)
    return msub_fail (err, MSUB_MESSAGE,
                      "The message says that it is binary, so its lines have to end in CRLF, and they do not; encoding it would "
                      "break a signature. Nothing was sent; encode it as base64 before it is signed");
  if (msub_smtp_needs_seven_bit (smtp, facts, wanted->binary))
    return msub_fail (err, MSUB_MESSAGE,
                      "%s takes 7-bit messages only (no 8BITMIME), and this one has 8-bit text. Nothing was sent; encode "
                      "it as quoted-printable or base64",
                      peer);
  if (caps->size && caps->size_limit > 0 && facts->octets > caps->size_limit)
    {
      err->about = "size";
      return msub_fail (err, MSUB_REFUSED,
                        "The message has %s; %s takes at most %s. Nothing was sent", size_words (facts->octets).text, peer,
                        size_words (caps->size_limit).text);
    }
  return check_wishes (smtp, wanted, err);
}

const char msub_mail_wish_keywords[] = "SIZE,DSN,MT-PRIORITY";

size_t
msub_smtp_mail_wishes (const struct msub_smtp *smtp, const struct msub_envelope *envelope,
                       struct msub_mail_wish wishes[MSUB_MAIL_WISHES_MAX])
{
  const struct msub_capabilities *caps = &smtp->caps;
  const struct msub_extensions *wanted = &envelope->extensions;
  const struct msub_mail_wish all[] = {
    { "DSN", "RET=", "RET=", caps->dsn ? wanted->dsn_return : NULL },
    { "DSN", "ENVID", "ENVID=", caps->dsn ? wanted->dsn_id : NULL },
    { "MT-PRIORITY", "MT-PRIORITY", "MT-PRIORITY=", caps->mt_priority ? wanted->priority : NULL },
  };
  size_t count = 0;
  _Static_assert (sizeof all / sizeof *all <= MSUB_MAIL_WISHES_MAX, "A wish has no place");
  for (size_t i = 0; i < sizeof all / sizeof *all; i++)
    if (all[i].value)
      wishes[count++] = all[i];
  return count;
}

/* SMTPUTF8 promises a header of UTF-8 (RFC 6531 section 3.1): another one goes without, as it always has.

   Both MAIL and RCPT are put together here, so that a parameter is in one place with its condition.  */
int
msub_smtp_put_mail (struct msub_smtp *smtp, const struct msub_envelope *envelope, const struct msub_body_facts *facts,
                    struct msub_error *err)
{
  const struct msub_capabilities *caps = &smtp->caps;
  const struct msub_extensions *wanted = &envelope->extensions;
  bool binary = msub_smtp_sends_binary (smtp, envelope);
  struct msub_mail_wish wishes[MSUB_MAIL_WISHES_MAX];
  struct line line = { .length = 0 };
  add (&line, "MAIL FROM:<%s>", envelope->from);
  if (caps->size)
    add (&line, " SIZE=%" PRIu64, binary ? facts->raw_octets : facts->octets);
  if (binary)
    add (&line, " BODY=BINARYMIME");
  else if (facts->eight_bit)
    add (&line, " BODY=8BITMIME");
  if (msub_envelope_odd_address (envelope) || (facts->eight_bit_header && !facts->other_header && caps->smtputf8))
    add (&line, " SMTPUTF8");
  if (wanted->require_tls)
    add (&line, " REQUIRETLS");
  if (wanted->deliver_by)
    add (&line, " BY=%s", wanted->deliver_by);
  if (wanted->hold_for)
    add (&line, " HOLDFOR=%s", wanted->hold_for);
  else if (wanted->hold_until)
    add (&line, " HOLDUNTIL=%s", wanted->hold_until);
  size_t count = msub_smtp_mail_wishes (smtp, envelope, wishes);
  for (size_t i = 0; i < count; i++)
    add_xtext (&line, wishes[i].name, wishes[i].value);
  return put_finished (smtp, &line, err);
}

const char *
msub_envelope_wish (char *const *list, size_t i)
{
  return list && list[i][0] ? list[i] : NULL;
}

int
msub_smtp_put_recipient (struct msub_smtp *smtp, const struct msub_envelope *envelope, size_t i, struct msub_error *err)
{
  const struct msub_extensions *wanted = &envelope->extensions;
  const char *recipient = envelope->recipients[i];
  const char *notify = msub_envelope_wish (envelope->notify, envelope->first + i);
  const char *original = msub_envelope_wish (envelope->original, envelope->first + i);
  struct line line = { .length = 0 };
  add (&line, "RCPT TO:<%s>", recipient);
  if (!notify)
    notify = wanted->dsn_notify;
  if (smtp->caps.dsn && notify)
    add (&line, " NOTIFY=%s", notify);
  if (smtp->caps.dsn && original)
    add (&line, " ORCPT=%s", original);
  else if (smtp->caps.dsn && notify && ascii (recipient))
    add_xtext (&line, "ORCPT=rfc822;", recipient);
  return put_finished (smtp, &line, err);
}
