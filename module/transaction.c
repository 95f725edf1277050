/* transaction.c --- the envelope and the message: MAIL, RCPT, DATA or BDAT (RFC 5321 section 3.3, RFC 2920, RFC 3030).

   Floor 3.  SPDX-License-Identifier: GPL-3.0-or-later  */

#define _GNU_SOURCE
#include "transaction.h"
#include "disk.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

/* RFC 5321 section 4.5.3.2.  */
enum
{
  MAIL_SECONDS = 300,
  RCPT_SECONDS = 300,
  DATA_SECONDS = 120,
  BLOCK_SECONDS = 180,
  REST_SECONDS = 30, /* ours: for replies that can change nothing but what they contradict */
  FINAL_SECONDS = 600,
};

/* The code of a failure that is not the server's word: it may work another time.  */
#define NOT_ACCEPTED 451
#define RECIPIENTS_PER_FLIGHT 100 /* so that their replies fit into the receive buffers */
#define BLOCK_OCTETS 65536    /* four full TLS records */
#define READ_OCTETS 16384

/* The envelope */

static bool
ascii (const char *s)
{
  for (; *s; s++)
    if ((unsigned char) *s > 127)
      return false;
  return true;
}

bool
msub_smtp_address_fine (const char *address, struct msub_error *err)
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

bool
msub_smtp_parameter_fine (const char *value, const char *what, struct msub_error *err)
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

static bool
sends_binary (const struct msub_smtp *smtp, const struct msub_envelope *envelope)
{
  return envelope->extensions.binary && takes_binary (smtp);
}

bool
msub_smtp_needs_seven_bit (const struct msub_smtp *smtp, const struct msub_body_facts *facts, bool binary)
{
  if (binary)
    return !takes_binary (smtp);
  return facts->eight_bit && !smtp->caps.eightbitmime;
}

/* An address that needs SMTPUTF8, or NULL.  */
static const char *
odd_address (const struct msub_envelope *envelope)
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

/* What the message or the user needs and the server has not.  */
static int
check_offer (const struct msub_smtp *smtp, const struct msub_envelope *envelope, const struct msub_body_facts *facts,
             struct msub_error *err)
{
  const struct msub_capabilities *caps = &smtp->caps;
  const struct msub_extensions *wanted = &envelope->extensions;
  const char *peer = smtp->c->peer.text, *odd = odd_address (envelope);
  if (odd && !caps->smtputf8)
    return msub_fail (err, MSUB_MESSAGE,
                      "%s takes ASCII addresses only (no SMTPUTF8), so it cannot take mail for %s. Nothing was sent", peer,
                      odd);
  if ((facts->first_nul || wanted->binary) && !sends_binary (smtp, envelope))
    return msub_fail (err, MSUB_MESSAGE,
                      "%s takes no binary messages (no BINARYMIME), and this one %s. Nothing was sent; encode it as base64",
                      peer, facts->first_nul ? "holds NUL octets" : "says that it is binary");
  if (msub_smtp_needs_seven_bit (smtp, facts, wanted->binary))
    return msub_fail (err, MSUB_MESSAGE,
                      "%s takes 7-bit messages only (no 8BITMIME), and this one has 8-bit text. Nothing was sent; encode "
                      "it as quoted-printable or base64",
                      peer);
  if (caps->size && caps->size_limit > 0 && facts->octets > caps->size_limit)
    return msub_fail (err, MSUB_REFUSED,
                      "The message has %s; %s takes at most %s. Nothing was sent", size_words (facts->octets).text, peer,
                      size_words (caps->size_limit).text);
  if (wanted->require_tls && !(caps->requiretls && smtp->tls && smtp->verified))
    return msub_fail (err, MSUB_INSECURE,
                      "%s cannot promise TLS on the whole way (no REQUIRETLS over verified TLS). Nothing was sent", peer);
  if (wanted->deliver_by && !caps->deliverby)
    return msub_fail (err, MSUB_REFUSED, "%s cannot be told by when to deliver (no DELIVERBY). Nothing was sent", peer);
  if ((wanted->hold_for || wanted->hold_until) && !caps->futurerelease)
    return msub_fail (err, MSUB_REFUSED, "%s cannot hold a message back (no FUTURERELEASE). Nothing was sent", peer);
  return 0;
}

/* SMTPUTF8 promises a header of UTF-8 (RFC 6531 section 3.1): another one goes without, as it always has.

   Both MAIL and RCPT are put together here, so that a parameter is in one place with its condition.  DSN and priority are
   wishes: a server that does not know them gets the mail without (RFC 3461 section 5, RFC 6710 section 4.1).  */
static int
put_mail (struct msub_smtp *smtp, const struct msub_envelope *envelope, const struct msub_body_facts *facts,
          struct msub_error *err)
{
  const struct msub_capabilities *caps = &smtp->caps;
  const struct msub_extensions *wanted = &envelope->extensions;
  bool binary = sends_binary (smtp, envelope);
  struct line line = { .length = 0 };
  add (&line, "MAIL FROM:<%s>", envelope->from);
  if (caps->size)
    add (&line, " SIZE=%" PRIu64, binary ? facts->raw_octets : facts->octets);
  if (binary)
    add (&line, " BODY=BINARYMIME");
  else if (facts->eight_bit)
    add (&line, " BODY=8BITMIME");
  if (odd_address (envelope) || (facts->eight_bit_header && !facts->other_header && caps->smtputf8))
    add (&line, " SMTPUTF8");
  if (caps->dsn && wanted->dsn_return)
    add (&line, " RET=%s", wanted->dsn_return);
  if (caps->dsn && wanted->dsn_id)
    add_xtext (&line, "ENVID=", wanted->dsn_id);
  if (wanted->require_tls)
    add (&line, " REQUIRETLS");
  if (wanted->deliver_by)
    add (&line, " BY=%s", wanted->deliver_by);
  if (wanted->hold_for)
    add (&line, " HOLDFOR=%s", wanted->hold_for);
  else if (wanted->hold_until)
    add (&line, " HOLDUNTIL=%s", wanted->hold_until);
  if (caps->mt_priority && wanted->priority)
    add (&line, " MT-PRIORITY=%s", wanted->priority);
  return put_finished (smtp, &line, err);
}

/* The wish of LIST for recipient number I, or NULL.  */
static const char *
own_wish (const char *const *list, size_t i)
{
  return list && list[i][0] ? list[i] : NULL;
}

static int
put_recipient (struct msub_smtp *smtp, const struct msub_envelope *envelope, size_t i, struct msub_error *err)
{
  const struct msub_extensions *wanted = &envelope->extensions;
  const char *recipient = envelope->recipients[i];
  const char *notify = own_wish (envelope->notify, envelope->first + i);
  const char *original = own_wish (envelope->original, envelope->first + i);
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

/* Offers that are not kept.  What a server says no to before anything of the message counts is tried the plain way, in the
   same session.  */

/* Is REPLY about the command or its parameters, and not about who or what was named in it?  */
static bool
about_command (const struct msub_reply *reply)
{
  const char *enhanced = reply->enhanced;
  bool subject = enhanced[0] == '5' && enhanced[1] == '.' && enhanced[3] == '.';
  bool named = subject && (enhanced[2] == '1' || enhanced[2] == '2' || enhanced[2] == '7');
  if (reply->code == 500 || reply->code == 502)
    return true;
  if (subject && enhanced[2] == '5' && reply->code / 100 == 5)
    return strcmp (enhanced, "5.5.3") != 0;
  return !named && (reply->code == 501 || reply->code == 503 || reply->code == 504 || reply->code == 555);
}

/* BDAT has no argument that could be at fault but its length, which is right.  */
static bool
about_chunking (const struct msub_reply *reply)
{
  return (reply->code >= 500 && reply->code <= 504) || (reply->code / 100 == 5 && about_command (reply));
}

/* Which of the parameters that MAIL had is the reply against?  The one that it names, else the least important ones.  */
static const char *
unkept_by_mail (const struct msub_smtp *smtp, const struct msub_envelope *envelope, const struct msub_body_facts *facts)
{
  const struct msub_reply *reply = msub_smtp_last (smtp);
  const struct msub_capabilities *caps = &smtp->caps;
  const struct msub_extensions *wanted = &envelope->extensions;
  bool binary = sends_binary (smtp, envelope), utf8_header = facts->eight_bit_header && !facts->other_header && caps->smtputf8;
  bool dsn = caps->dsn && (wanted->dsn_return || wanted->dsn_id);
  bool priority = caps->mt_priority && wanted->priority;
  const struct
  {
    bool used;
    const char *word, *keywords;
  } parameters[] = {
    { caps->size, "SIZE=", "SIZE" },
    { binary, "BODY=", "BINARYMIME,8BITMIME" },
    { facts->eight_bit && !binary, "BODY=", "8BITMIME" },
    { facts->eight_bit && !binary, "8BIT", "8BITMIME" },
    { utf8_header && !odd_address (envelope), "SMTPUTF8", "SMTPUTF8" },
    { dsn, "RET=", "DSN" },
    { dsn, "ENVID", "DSN" },
    { priority, "MT-PRIORITY", "MT-PRIORITY" },
    { caps->size, "SIZE", "SIZE" },
    { caps->size || dsn || priority, NULL, "SIZE,DSN,MT-PRIORITY" },
    { binary, NULL, "BINARYMIME,8BITMIME" },
    { facts->eight_bit, NULL, "8BITMIME" },
    { utf8_header && !odd_address (envelope), NULL, "SMTPUTF8" },
  };
  bool media = strncmp (reply->enhanced, "5.6.", 4) == 0 && facts->eight_bit;
  if (msub_smtp_dislikes_name (smtp))
    return NULL;
  for (size_t i = 0; i < sizeof parameters / sizeof *parameters; i++)
    if (parameters[i].used && (parameters[i].word ? strcasestr (reply->text, parameters[i].word) != NULL : !media))
      {
        bool literal = parameters[i].word && strchr (parameters[i].word, '=');
        if (about_command (reply) || media || (literal && reply->code / 100 == 5 && reply->code != 552))
          return parameters[i].keywords;
      }
  return media ? (binary ? "BINARYMIME,8BITMIME" : "8BITMIME") : NULL;
}

/* Some say "554 SMTP synchronization error".  */
static bool
about_pipelining (const struct msub_reply *reply)
{
  return reply->code / 100 == 5 && (strcasestr (reply->text, "pipelining") || strcasestr (reply->text, "synchronization"));
}

/* Does the last reply, to recipient I, say that something is wrong with the command?  */
static const char *
unkept_by_recipient (const struct msub_smtp *smtp, const struct msub_envelope *envelope, size_t i)
{
  const struct msub_reply *reply = msub_smtp_last (smtp);
  size_t place = envelope->first + i;
  if (smtp->caps.pipelining && about_pipelining (reply))
    return "PIPELINING";
  if (!about_command (reply) || msub_smtp_dislikes_name (smtp))
    return NULL;
  if (smtp->caps.dsn
      && (own_wish (envelope->notify, place) || own_wish (envelope->original, place) || envelope->extensions.dsn_notify))
    return "DSN";
  return smtp->caps.pipelining && reply->code != 501 && reply->code != 504 && reply->code != 555 ? "PIPELINING" : NULL;
}

/* Does the last reply say that the transaction has recipients enough (RFC 5321 section 4.5.3.1.10, where 552 is as 452; X.5.3
   of RFC 3463)?  */
static bool
about_number (const struct msub_reply *reply)
{
  const char *enhanced = reply->enhanced;
  if (reply->code < 400 || reply->code == 421)
    return false;
  if (enhanced[0] && strcmp (enhanced + 1, ".5.3") == 0)
    return true;
  if (!enhanced[0] && (reply->code == 452 || reply->code == 552))
    return true;
  return strcasestr (reply->text, "recipient")
         && (strcasestr (reply->text, "too many") || strcasestr (reply->text, "limit") || strcasestr (reply->text, "exceed"));
}

static void
report_recipient (const struct msub_smtp *smtp, const char *address)
{
  const struct msub_reply *reply = msub_smtp_shown (smtp);
  char words[400];
  msub_reply_words (reply, words, sizeof words);
  struct msub_event *event = msub_event_new (MSUB_EVENT_RECIPIENT);
  msub_event_text (event, "address", address);
  msub_event_integer (event, "code", reply->code);
  msub_event_text (event, "enhanced", reply->enhanced);
  msub_event_text (event, "text", words);
  msub_emit (smtp->c->context, event);
}

/* What has become of the envelope while its replies come in.  */
struct progress
{
  struct msub_transaction *transaction;
  const struct msub_envelope *envelope;
  const struct msub_body_facts *facts;
  bool *open;                /* which of the recipients are left for another transaction */
  size_t postponed;          /* how many of those that were answered */
  const char *offer;         /* EHLO keywords that the server has offered and says no to, or NULL */
  const char *suspect;       /* the same, where it says nothing */
  bool chunk_out;            /* a whole chunk has left, and was refused: some take its lines for commands */
  bool in_doubt;             /* everything has left, and the server has not said no: see transact */
  struct msub_error sender;  /* the sender is refused, in a flight that cannot be held back any more */
  struct msub_error no_for_good; /* the first recipient's that is refused for good */
  struct msub_error refusal; /* the first recipient's, or a later one's that may work another time */
  struct msub_error farewell; /* a 421 in the middle of a flight with the whole message in it */
  bool dotted;               /* the journal has a final dot that nothing is said of yet */
  char *notes;               /* lines for the journal, malloc'd, or NULL */
  size_t notes_length;
};

/* The server has not answered, which may be because of what it offers: KEYWORD.  The next message will do without.  */
static int
unanswered (struct progress *progress, const struct msub_smtp *smtp, const char *keyword, const struct msub_error *err)
{
  bool silent = err->kind == MSUB_TIMEOUT && msub_connection_unacknowledged (smtp->c) == 0;
  if (silent || err->kind == MSUB_LOST || err->kind == MSUB_TLS)
    progress->suspect = keyword;
  return -1;
}

/* The journal (transaction.h says what is in it) */

/* Keep a line for the journal until there is an answer to the message.  */
static int
note_line (struct progress *progress, struct msub_error *err, const char *format, ...)
{
  char line[MSUB_TEXT_MAX + 64];
  va_list args;
  va_start (args, format);
  int n = vsnprintf (line, sizeof line, format, args);
  va_end (args);
  size_t length = n < 0 ? 0 : (size_t) n < sizeof line ? (size_t) n : sizeof line - 1;
  char *notes = realloc (progress->notes, progress->notes_length + length + 2);
  if (!notes)
    return msub_fail (err, MSUB_INTERNAL, "Out of memory");
  memcpy (notes + progress->notes_length, line, length);
  progress->notes = notes;
  progress->notes_length += length + 1;
  strcpy (notes + progress->notes_length - 1, "\n");
  return 0;
}

/* -1 without memory, as long as the message can still be held back.  */
static int
note_refusal (const struct msub_smtp *smtp, size_t recipient, int code, struct progress *progress, struct msub_error *err)
{
  char words[400];
  struct msub_error failure = { 0 };
  if (!progress->envelope->journal)
    return 0;
  msub_reply_words (msub_smtp_shown (smtp), words, sizeof words);
  if (note_line (progress, &failure, "refused %zu %d %s", recipient, code, words) == 0
      || progress->dotted)
    return 0;
  *err = failure;
  return -1;
}

/* The final dot is about to leave.  -1: it must not.  */
static int
journal_dot (struct progress *progress, struct msub_error *err)
{
  const struct msub_envelope *envelope = progress->envelope;
  char line[80];
  if (!envelope->journal)
    return 0;
  snprintf (line, sizeof line, "dot %zu %zu\n", envelope->first, envelope->count);
  if (msub_disk_append (envelope->journal, line, err))
    return -1;
  progress->dotted = true;
  return 0;
}

/* It is known what has become of the message.  That the disk does not take it changes nothing any more.  */
static void
journal_reply (struct progress *progress, int code, const char *words)
{
  struct msub_error ignored = { 0 };
  if (progress->dotted && note_line (progress, &ignored, "reply %d %s", code, words) == 0)
    msub_disk_append (progress->envelope->journal, progress->notes, &ignored);
  progress->dotted = false;
}

/* When the whole message is out, a refusal is noted, and it has to be heard what the server says of the rest.  */
static int
note_mail (struct msub_smtp *smtp, struct progress *progress, struct msub_error *err)
{
  int code = msub_smtp_last (smtp)->code;
  if (code / 100 == 2)
    return 0;
  /* 530 and its kin: the server wants a log-in (RFC 4954 section 6).  */
  bool log_in = code == 530 || code == 534 || code == 535 || code == 538;
  progress->transaction->at_mail = true;
  progress->offer = code / 100 == 5 ? unkept_by_mail (smtp, progress->envelope, progress->facts) : NULL;
  bool heard_out = (progress->in_doubt && code >= 400) || (progress->offer && smtp->caps.pipelining);
  msub_smtp_failed (smtp, log_in ? MSUB_AUTH : MSUB_REFUSED, "mail", "the sender", heard_out ? &progress->sender : err);
  return heard_out ? 0 : -1;
}

/* The server has said yes to what it can only say no to: an answer of its was none to our command (SECURITY: B7).  */
static int
contradiction (const struct msub_smtp *smtp, const char *what, struct msub_error *err)
{
  char words[400];
  msub_reply_words (msub_smtp_shown (smtp), words, sizeof words);
  return msub_fail (err, MSUB_PROTOCOL, "%s took %s after it had refused what comes before: %s", smtp->c->peer.text, what,
                    words);
}

static int
note_recipient (struct msub_smtp *smtp, size_t i, struct progress *progress, struct msub_error *err)
{
  bool sent = progress->in_doubt;
  const char *address = progress->envelope->recipients[i];
  int class = msub_smtp_last (smtp)->code / 100;
  bool leaving = msub_smtp_last (smtp)->code == 421;
  /* When the whole message is out, it has to be heard what the server does with it; if it really leaves, that is why.  */
  if (leaving && sent && progress->farewell.kind == MSUB_OK)
    msub_smtp_failed (smtp, MSUB_REFUSED, "rcpt", "the recipient", &progress->farewell);
  if (leaving && smtp->caps.pipelining)
    progress->suspect = sent ? "PIPELINING,CHUNKING" : "PIPELINING";
  if ((leaving && !sent) || class == 3)
    return msub_smtp_failed (smtp, MSUB_REFUSED, "rcpt", "the recipient", err);
  if (progress->sender.kind != MSUB_OK)
    return class == 2 ? contradiction (smtp, "the recipient", err) : 0;
  const char *offer = class == 5 ? unkept_by_recipient (smtp, progress->envelope, i) : NULL;
  bool another = offer || (progress->transaction->accepted > 0 && about_number (msub_smtp_last (smtp)));
  progress->open[i] = another;
  if (another)
    {
      progress->postponed++;
      progress->offer = offer ? offer : progress->offer;
      if (!offer && i == progress->transaction->accepted)
        smtp->caps.recipients_max = (unsigned) i;
    }
  else
    report_recipient (smtp, address);
  if (class == 2)
    {
      progress->transaction->accepted++;
      return 0;
    }
  progress->transaction->refused += !another;
  if (note_refusal (smtp, progress->envelope->first + i, another ? NOT_ACCEPTED : msub_smtp_last (smtp)->code, progress, err))
    return -1;
  struct msub_error refusal = { 0 };
  char what[320];
  msub_text_format (what, sizeof what, "the recipient %s", address);
  msub_smtp_failed (smtp, MSUB_REFUSED, "rcpt", what, &refusal);
  if (progress->no_for_good.kind == MSUB_OK && class == 5 && !another)
    progress->no_for_good = refusal;
  if (progress->refusal.kind == MSUB_OK || (progress->refusal.kind == MSUB_REFUSED && class == 4))
    progress->refusal = refusal;
  return 0;
}

/* The server has said something in the middle of the message, or broken the connection: what it said is why
   (SECURITY: H16).  No dot is sent.  */
static int
interrupted (struct msub_smtp *smtp, struct msub_error *err)
{
  struct msub_error broken = *err;
  *err = (struct msub_error) { 0 };
  if (msub_smtp_read (smtp, msub_smtp_deadline (smtp, MSUB_MOMENT), err))
    {
      if (broken.kind != MSUB_OK)
        *err = broken;
      return -1;
    }
  return msub_smtp_failed (smtp, MSUB_REFUSED, "dot", "the message, before its end", err);
}

/* The message */

/* The message in FD as the wire wants it, piece by piece.  */
struct source
{
  int fd;
  bool binary;      /* as it is: no line ends, no dots */
  bool ended;
  struct msub_body body;
  char raw[READ_OCTETS];
  char encoded[MSUB_BODY_BOUND (READ_OCTETS)];
};

/* DOTS: stuff them, for DATA.  */
static int
source_open (struct source *source, int fd, bool binary, bool dots, struct msub_error *err)
{
  source->fd = fd;
  source->binary = binary;
  source->ended = false;
  msub_body_reset (&source->body, dots);
  if (lseek (fd, 0, SEEK_SET) < 0)
    return msub_fail_errno (err, MSUB_MESSAGE, errno, "The message cannot be read");
  return 0;
}

/* The next piece, which is in source->encoded or, binary, in source->raw: its octets, 0 at the end, or -1.  A message that
   has changed since FACTS were measured ends in an error, so that no half of one and half of another is ever complete.  */
static ssize_t
source_next (struct source *source, const struct msub_smtp *smtp, const struct msub_body_facts *facts, struct msub_error *err)
{
  if (source->ended)
    return 0;
  ssize_t n = msub_net_read_file (smtp->c->context, source->fd, source->raw, sizeof source->raw,
                                  msub_net_file_deadline (smtp->step_msecs), err);
  if (n < 0)
    return -1;
  size_t length = n > 0 ? msub_body_encode (&source->body, source->raw, (size_t) n, source->encoded)
                        : msub_body_finish (&source->body, source->encoded);
  source->ended = n == 0;
  if (source->ended
      && (source->body.facts.octets != facts->octets || source->body.facts.raw_octets != facts->raw_octets))
    return msub_fail (err, MSUB_MESSAGE, "The message file was changed while it was being sent; it was not sent");
  return source->binary ? n : (ssize_t) length;
}

static const char *
source_piece (const struct source *source)
{
  return source->binary ? source->raw : source->encoded;
}

static uint64_t
wire_octets (bool binary, const struct msub_body_facts *facts)
{
  return binary ? facts->raw_octets : facts->octets;
}

/* Put the whole of a short message into the flight, as the last chunk (RFC 3030 section 4.2).  */
static int
put_message (struct msub_smtp *smtp, bool binary, int fd, const struct msub_body_facts *facts, struct msub_error *err)
{
  struct source *source = malloc (sizeof *source);
  if (!source)
    return msub_fail (err, MSUB_INTERNAL, "Out of memory");
  int result = source_open (source, fd, binary, false, err);
  if (result == 0)
    result = msub_smtp_command (smtp, err, "BDAT %" PRIu64 " LAST", wire_octets (binary, facts));
  while (result == 0 && !source->ended)
    {
      ssize_t n = source_next (source, smtp, facts, err);
      result = n < 0 ? -1 : msub_connection_put (smtp->c, source_piece (source), (size_t) n, err);
    }
  free (source);
  return result;
}

struct stream
{
  struct msub_smtp *smtp;
  struct progress *progress;
  bool bdat;
  uint64_t total, sent, acknowledged;
  uint64_t acknowledged_before; /* of all that the connection has carried */
  msub_time reported;
  size_t length;
  char block[BLOCK_OCTETS];
  struct source source;
};

static void
report_progress (struct stream *stream, bool always)
{
  if (!always && msub_now () < stream->reported + MSUB_TICK)
    return;
  uint64_t waiting = msub_connection_unacknowledged (stream->smtp->c);
  uint64_t acknowledged = stream->sent > waiting ? stream->sent - waiting : 0;
  /* Of a block that is not out yet, WAITING has a part and SENT nothing.  */
  if (acknowledged < stream->acknowledged)
    acknowledged = stream->acknowledged;
  if (!always && stream->reported && acknowledged == stream->acknowledged)
    return;
  stream->reported = msub_now ();
  stream->acknowledged = acknowledged;
  struct msub_event *event = msub_event_new (MSUB_EVENT_PROGRESS);
  msub_event_integer (event, "sent", (int64_t) (acknowledged < stream->total ? acknowledged : stream->total));
  msub_event_integer (event, "total", (int64_t) stream->total);
  msub_emit (stream->smtp->c->context, event);
}

/* The whole message may be in the kernel long before the peer has it: go on telling while we wait.  */
static void
tick (void *stream)
{
  report_progress (stream, false);
}

/* Packets of this length and less get through everywhere (RFC 8200 section 5, without headers).  */
#define SHORT_PACKET 1200

/* Nobody has acknowledged what was sent in time, and ERR says so.  Where short packets got through before, and not even the
   first of the long ones does, it is their length.  BEFORE: what was acknowledged then.  */
static int
stuck (const struct msub_smtp *smtp, uint64_t before, struct msub_error *err)
{
  const struct msub_connection *c = smtp->c;
  if (err->kind != MSUB_TIMEOUT || msub_connection_unacknowledged (c) <= SHORT_PACKET
      || msub_connection_acknowledged (c) != before)
    return -1;
  *err = (struct msub_error) { 0 };
  return msub_fail (err, MSUB_TIMEOUT,
                    "%s has acknowledged nothing of the message in %g s, though it has answered before: long packets do not "
                    "get through (MTU of a VPN or a DSL line?). The message was not delivered",
                    c->peer.text, c->patience_msecs / 1000.0);
}

/* The last reply, in the middle of a message by BDAT: was it BDAT that it refused?  */
static int
broken_off (struct stream *stream, struct msub_error *err)
{
  struct msub_smtp *smtp = stream->smtp;
  interrupted (smtp, err);
  if (stream->bdat && err->code && about_chunking (msub_smtp_last (smtp)))
    stream->progress->offer = "CHUNKING";
  return stream->bdat ? unanswered (stream->progress, smtp, "CHUNKING", err) : -1;
}

/* Send the block but its last REST octets.  */
static int
send_block_but (struct stream *stream, size_t rest, struct msub_error *err)
{
  struct msub_smtp *smtp = stream->smtp;
  size_t length = stream->length - rest;
  int sent = msub_connection_stream (smtp->c, stream->block, length, msub_smtp_usecs (smtp, BLOCK_SECONDS), err);
  if (sent < 0 && err->kind != MSUB_LOST && err->kind != MSUB_TLS)
    return stuck (smtp, stream->acknowledged_before, err);
  if (sent <= 0)
    return broken_off (stream, err);
  stream->sent += length;
  stream->length = rest;
  memmove (stream->block, stream->block + length, rest);
  report_progress (stream, false);
  return 0;
}

static int
send_block (struct stream *stream, struct msub_error *err)
{
  return send_block_but (stream, 0, err);
}

/* The end of a message is sent when all before it has arrived: where the way swallows it, it is certain that the message was
   not delivered.  A short one shares its fate with the end anyway.  */
static int
send_all_but_end (struct stream *stream, size_t end, struct msub_error *err)
{
  struct msub_smtp *smtp = stream->smtp;
  if (stream->sent + stream->length <= SHORT_PACKET)
    return 0;
  if (send_block_but (stream, end, err))
    return -1;
  int settled = msub_connection_settle (smtp->c, true, msub_smtp_usecs (smtp, BLOCK_SECONDS), err);
  if (settled == 0)
    return broken_off (stream, err);
  return settled < 0 ? stuck (smtp, stream->acknowledged_before, err) : 0;
}

static int
append (struct stream *stream, const char *octets, size_t n, struct msub_error *err)
{
  while (n > 0)
    {
      /* A full block waits for an octet behind it: the last one, with the dot, is sent by stream_message alone.  */
      if (stream->length == sizeof stream->block && send_block (stream, err))
        return -1;
      size_t room = sizeof stream->block - stream->length, part = n < room ? n : room;
      memcpy (stream->block + stream->length, octets, part);
      stream->length += part;
      octets += part;
      n -= part;
    }
  return 0;
}

/* The answer came, and something behind it: farewells are nothing to worry about, but a reply more than there were commands
   says that an earlier one was taken for the answer to the message (SECURITY: B7, I7).  What comes later still is not waited
   for: who can say a reply too many inside this connection can as well say 250 and throw the message away.  */
static int
spoken_after (struct msub_smtp *smtp, struct msub_error *err)
{
  struct msub_error ignored = { 0 };
  smtp->settled = false;
  if (msub_smtp_read (smtp, msub_smtp_deadline (smtp, MSUB_MOMENT), &ignored) || msub_smtp_last (smtp)->code == 421
      || msub_smtp_last (smtp)->code == 221)
    return 0;
  char words[400];
  msub_reply_words (msub_smtp_shown (smtp), words, sizeof words);
  return msub_fail (err, MSUB_PROTOCOL, "%s gave one answer too many: %s", smtp->c->peer.text, words);
}

/* The answer to the dot, or (IN_FLIGHT) to a BDAT that went with its envelope: nothing but a whole reply is an answer
   (SECURITY: section I).  */
static int
read_final_reply (struct msub_smtp *smtp, bool in_flight, bool bdat, struct progress *progress, struct msub_error *err)
{
  if (msub_smtp_read (smtp, msub_smtp_deadline (smtp, FINAL_SECONDS), err))
    return bdat ? unanswered (progress, smtp, "CHUNKING", err) : -1;
  smtp->in_message = false;
  smtp->settled = true;
  const struct msub_reply *reply = msub_smtp_shown (smtp);
  int code = reply->code;
  struct msub_error refusal = { 0 };
  msub_smtp_failed (smtp, MSUB_REFUSED, "dot", "the message", &refusal);
  char words[600], lines[MSUB_TEXT_MAX];
  msub_reply_words (reply, words, sizeof words);
  msub_reply_lines (reply, lines, sizeof lines);
  struct msub_event *event = msub_event_new (MSUB_EVENT_REPLY);
  msub_event_integer (event, "code", code);
  msub_event_text (event, "enhanced", reply->enhanced);
  msub_event_text (event, "text", words);
  msub_event_list (event, "said", lines);
  bool unkept = bdat && about_chunking (reply);
  if (bdat && code == 421)
    progress->suspect = "CHUNKING";
  if (unkept)
    progress->offer = "CHUNKING";
  progress->chunk_out = unkept;
  bool shifted = in_flight && !unkept && msub_connection_unread (smtp->c) && spoken_after (smtp, err);
  progress->in_doubt = shifted || (code < 400 && code / 10 != 25);
  if (!progress->in_doubt && code < 400)
    {
      journal_reply (progress, code, words);
      msub_emit (smtp->c->context, event);
      return 0;
    }
  msub_event_free (&event);
  if (!shifted)
    *err = refusal;
  return -1;
}

static int
send_body (struct stream *stream, const struct msub_body_facts *facts, struct msub_error *err)
{
  while (!stream->source.ended)
    {
      ssize_t n = source_next (&stream->source, stream->smtp, facts, err);
      if (n < 0 || append (stream, source_piece (&stream->source), (size_t) n, err))
        return -1;
    }
  return 0;
}

/* The message, after a 354, or as one BDAT chunk.  */
static int
stream_message (struct stream *stream, bool bdat, const struct msub_body_facts *facts, struct msub_error *err)
{
  struct msub_smtp *smtp = stream->smtp;
  if (bdat)
    {
      char command[64];
      int n = snprintf (command, sizeof command, "BDAT %" PRIu64 " LAST\r\n", stream->total);
      msub_smtp_trace (smtp, "C", command, (size_t) n - 2);
      if (append (stream, command, (size_t) n, err))
        return -1;
    }
  static const char dot[] = ".\r\n";
  size_t end = bdat ? 1 : sizeof dot - 1;
  if (send_body (stream, facts, err))
    return -1;
  /* The dot stays together.  */
  if (!bdat && ((stream->length + end > sizeof stream->block && send_block (stream, err)) || append (stream, dot, end, err)))
    return -1;
  if (send_all_but_end (stream, end, err) || journal_dot (stream->progress, err) || send_block (stream, err))
    return -1;
  stream->progress->in_doubt = true;
  if (read_final_reply (smtp, false, bdat, stream->progress, err))
    return -1;
  report_progress (stream, true);
  return 0;
}

static int
send_message (struct msub_smtp *smtp, bool binary, bool bdat, int fd, const struct msub_body_facts *facts,
              struct progress *progress, struct msub_error *err)
{
  if (msub_smtp_silence (smtp, err))
    return -1;
  struct stream *stream = malloc (sizeof *stream);
  if (!stream)
    return msub_fail (err, MSUB_INTERNAL, "Out of memory");
  stream->smtp = smtp;
  stream->progress = progress;
  stream->bdat = bdat;
  stream->acknowledged_before = msub_connection_acknowledged (smtp->c);
  stream->total = wire_octets (binary, facts);
  stream->sent = 0;
  stream->length = 0;
  stream->reported = 0;
  stream->acknowledged = 0;
  smtp->c->tick = tick;
  smtp->c->tick_data = stream;
  smtp->in_message = true;
  int result = source_open (&stream->source, fd, binary, !bdat, err);
  if (result == 0)
    result = stream_message (stream, bdat, facts, err);
  smtp->c->tick = NULL;
  free (stream);
  return result;
}

/* What follows the envelope in its last flight.  */
enum closing
{
  NOTHING, /* a long message by BDAT comes when the recipients are known */
  DATA,    /* the command: the message comes after the 354 */
  BDAT,    /* the command and the whole message (RFC 3030): no round trip at all */
};

/* MAIL and all RCPTs, one by one.  */
static int
send_envelope_in_steps (struct msub_smtp *smtp, const struct msub_envelope *envelope,
                        const struct msub_body_facts *facts, enum closing closing, struct progress *progress,
                        struct msub_error *err)
{
  if (msub_smtp_silence (smtp, err) || put_mail (smtp, envelope, facts, err) || msub_smtp_exchange (smtp, MAIL_SECONDS, err))
    return -1;
  if (note_mail (smtp, progress, err))
    {
      smtp->settled = smtp->dirty = progress->offer != NULL;
      return -1;
    }
  for (size_t i = 0; i < envelope->count; i++)
    if (msub_smtp_silence (smtp, err) || put_recipient (smtp, envelope, i, err) || msub_smtp_exchange (smtp, RCPT_SECONDS, err)
        || note_recipient (smtp, i, progress, err))
      return -1;
  if (progress->transaction->accepted == 0 || closing == NOTHING)
    return 0;
  if (msub_smtp_silence (smtp, err) || msub_smtp_command (smtp, err, "DATA"))
    return -1;
  return msub_smtp_exchange (smtp, DATA_SECONDS, err);
}

static int
read_flight_replies (struct msub_smtp *smtp, size_t first, size_t last, struct progress *progress, struct msub_error *err)
{
  const char *offers = progress->in_doubt ? "PIPELINING,CHUNKING" : "PIPELINING";
  if (first == 0 && msub_smtp_read (smtp, msub_smtp_deadline (smtp, MAIL_SECONDS), err))
    return unanswered (progress, smtp, offers, err);
  if (first == 0 && note_mail (smtp, progress, err))
    return -1;
  int seconds = progress->sender.kind == MSUB_OK ? RCPT_SECONDS : REST_SECONDS;
  for (size_t i = first; i < last; i++)
    {
      if (msub_smtp_read (smtp, msub_smtp_deadline (smtp, seconds), err))
        return unanswered (progress, smtp, offers, err);
      if (note_recipient (smtp, i, progress, err))
        return -1;
    }
  return 0;
}

/* Send the flight.  A chunk's last octet comes when all before it has arrived, as at the end of any message.  */
static int
send_flight (struct msub_smtp *smtp, enum closing end, struct progress *progress, struct msub_error *err)
{
  int seconds = end == BDAT ? BLOCK_SECONDS : RCPT_SECONDS;
  bool apart = end == BDAT && smtp->c->out_length > SHORT_PACKET;
  uint64_t before = msub_connection_acknowledged (smtp->c);
  smtp->in_message = end == BDAT;
  if (apart
      && (msub_connection_flush_but (smtp->c, 1, msub_smtp_deadline (smtp, seconds), err)
          || msub_connection_settle (smtp->c, false, msub_smtp_usecs (smtp, seconds), err) < 0))
    {
      smtp->c->out_length = 0;
      return stuck (smtp, before, err);
    }
  if (end == BDAT && journal_dot (progress, err))
    return -1;
  return msub_connection_flush (smtp->c, msub_smtp_deadline (smtp, seconds), err);
}

static int
put_closing (struct msub_smtp *smtp, enum closing closing, bool binary, int fd, const struct msub_body_facts *facts,
             struct msub_error *err)
{
  if (closing == DATA)
    return msub_smtp_command (smtp, err, "DATA");
  return closing == BDAT ? put_message (smtp, binary, fd, facts, err) : 0;
}

/* MAIL, all RCPTs and what closes them in as few flights as may be (RFC 2920): replies belong to commands in order.  */
static int
send_envelope_in_flights (struct msub_smtp *smtp, const struct msub_envelope *envelope, int fd,
                          const struct msub_body_facts *facts, enum closing closing, struct progress *progress,
                          struct msub_error *err)
{
  for (size_t i = 0; i < envelope->count;)
    {
      size_t first = i, last = i + RECIPIENTS_PER_FLIGHT < envelope->count ? i + RECIPIENTS_PER_FLIGHT : envelope->count;
      enum closing end = last == envelope->count ? closing : NOTHING;
      if (msub_smtp_silence (smtp, err) || (first == 0 && put_mail (smtp, envelope, facts, err)))
        return -1;
      for (; i < last; i++)
        if (put_recipient (smtp, envelope, i, err))
          return -1;
      if (put_closing (smtp, end, sends_binary (smtp, envelope), fd, facts, err))
        return -1;
      if (send_flight (smtp, end, progress, err))
        return err->kind == MSUB_LOST || err->kind == MSUB_TLS ? interrupted (smtp, err) : -1;
      progress->in_doubt = end == BDAT;
      if (read_flight_replies (smtp, first, last, progress, err))
        return -1;
      if (end == DATA && msub_smtp_read (smtp, msub_smtp_deadline (smtp, DATA_SECONDS), err))
        return unanswered (progress, smtp, "PIPELINING", err);
      if (progress->sender.kind != MSUB_OK && end == NOTHING)
        return 0;
    }
  return 0;
}

/* One transaction */

static enum closing
choose_closing (const struct msub_smtp *smtp, const struct msub_body_facts *facts)
{
  if (!smtp->caps.chunking)
    return DATA;
  /* A long message waits until somebody will have it.  */
  return smtp->caps.pipelining && facts->raw_octets <= BLOCK_OCTETS / 2 ? BDAT : NOTHING;
}

/* Must the message wait until every recipient is known to be accepted?  */
static bool
waits_for_all (const struct msub_envelope *envelope)
{
  return envelope->all_or_none && envelope->count > 1;
}

static int
nobody_accepted (struct msub_smtp *smtp, enum closing closing, const struct progress *progress, struct msub_error *err)
{
  struct msub_error ignored = { 0 };
  /* DATA was in the flight: a server that says 354 all the same gets a lone dot (RFC 2920 section 3.1).  */
  bool waits = closing == DATA && msub_smtp_last (smtp)->code == 354;
  smtp->settled = !waits
                  || (msub_smtp_put (smtp, ".", NULL, &ignored) == 0
                      && msub_smtp_exchange (smtp, REST_SECONDS, &ignored) == 0);
  smtp->dirty = true;
  *err = progress->sender.kind != MSUB_OK ? progress->sender : progress->refusal;
  return -1;
}

/* The sender or all recipients are refused, and the message is out, by BDAT: it has to be refused as well.  */
static int
refused_in_flight (struct msub_smtp *smtp, struct progress *progress, struct msub_error *err)
{
  if (msub_smtp_read (smtp, msub_smtp_deadline (smtp, REST_SECONDS), err))
    return -1;
  if (msub_smtp_last (smtp)->code < 400)
    return contradiction (smtp, "the message", err);
  smtp->in_message = progress->in_doubt = false;
  smtp->settled = smtp->dirty = progress->chunk_out = true;
  *err = progress->sender.kind != MSUB_OK ? progress->sender : progress->refusal;
  return -1;
}

/* One of them is refused for good: nobody gets the message.  */
static int
leave_all_out (struct msub_smtp *smtp, const struct progress *progress, struct msub_error *err)
{
  smtp->settled = smtp->dirty = true;
  *err = progress->no_for_good;
  return -1;
}

static int
transact_noting (struct msub_smtp *smtp, int fd, const struct msub_body_facts *facts, struct progress *progress,
                 struct msub_error *err)
{
  const struct msub_envelope *envelope = progress->envelope;
  enum closing closing = waits_for_all (envelope) ? NOTHING : choose_closing (smtp, facts);
  bool flights = smtp->caps.pipelining;
  smtp->settled = false;
  if (flights ? send_envelope_in_flights (smtp, envelope, fd, facts, closing, progress, err)
              : send_envelope_in_steps (smtp, envelope, facts, closing, progress, err))
    return -1;
  if (progress->transaction->accepted == 0)
    return flights && closing == BDAT ? refused_in_flight (smtp, progress, err)
                                      : nobody_accepted (smtp, flights ? closing : NOTHING, progress, err);
  if (waits_for_all (envelope))
    {
      if (progress->no_for_good.kind != MSUB_OK)
        return leave_all_out (smtp, progress, err);
      if (!smtp->caps.chunking
          && (msub_smtp_silence (smtp, err) || msub_smtp_command (smtp, err, "DATA")
              || msub_smtp_exchange (smtp, DATA_SECONDS, err)))
        return -1;
      closing = smtp->caps.chunking ? NOTHING : DATA;
    }
  if (closing == BDAT)
    return read_final_reply (smtp, true, true, progress, err);
  if (closing == DATA && msub_smtp_last (smtp)->code != 354)
    {
      const struct msub_reply *reply = msub_smtp_last (smtp);
      if (flights && !waits_for_all (envelope) && (about_command (reply) || about_pipelining (reply)))
        progress->offer = "PIPELINING";
      smtp->settled = smtp->dirty = progress->offer != NULL;
      return msub_smtp_failed (smtp, MSUB_REFUSED, "data", "DATA", err);
    }
  return send_message (smtp, sends_binary (smtp, envelope), closing == NOTHING, fd, facts, progress, err);
}

/* Everything has left, and what came (ERR) is not the answer to the message: nobody knows.  Here alone that becomes
   MSUB_UNCERTAIN.  Definite is what the server itself has said no to, as far as it then said nothing else: the sender; all
   recipients; or, taking its leave, everything (421, and the end of the connection).  */
static void
doubt (const struct progress *progress, struct msub_error *err)
{
  struct msub_error why = *err;
  bool nonsense = why.kind == MSUB_PROTOCOL, gone = why.kind == MSUB_LOST || why.kind == MSUB_TLS;
  bool nobody = progress->transaction->refused + progress->postponed == progress->envelope->count;
  const struct msub_error *no = progress->sender.kind != MSUB_OK ? &progress->sender : nobody ? &progress->refusal
                                : gone ? &progress->farewell : NULL;
  *err = (struct msub_error) { 0 };
  if (!nonsense && no && no->kind != MSUB_OK)
    *err = *no;
  else
    msub_fail (err, MSUB_UNCERTAIN,
               "The whole message was sent, but %s (%s): it may or may not have been delivered, so it is not sent again by "
               "itself",
               nonsense ? "the answer makes no sense" : "no answer came", why.text);
}

/* A chunk was refused.  RFC 3030 has the server read it all the same, but one that does not know BDAT takes its lines for
   commands: there will be as many answers.  A RSET finds out.  Returns how to go on, or -1 with ERR: after a "yes" that is
   not RSET's nobody knows what it was to.  */
static int
resynchronize (struct msub_smtp *smtp, struct msub_error *err)
{
  struct msub_error ignored = { 0 };
  bool asked = !msub_connection_unread (smtp->c), refused_more = !asked;
  if (asked && (msub_smtp_command (smtp, &ignored, "RSET") || msub_connection_flush (smtp->c, msub_smtp_deadline (smtp, REST_SECONDS), &ignored)))
    return MSUB_AGAIN_ELSEWHERE;
  for (;;)
    {
      if (msub_smtp_read (smtp, msub_smtp_deadline (smtp, asked ? REST_SECONDS : MSUB_MOMENT), &ignored))
        return MSUB_AGAIN_ELSEWHERE;
      int code = msub_smtp_last (smtp)->code;
      if (asked && code == 250 && !msub_connection_unread (smtp->c))
        break;
      if (code < 400)
        {
          *err = (struct msub_error) { 0 };
          return contradiction (smtp, "something", err);
        }
      if (code == 421)
        return MSUB_AGAIN_ELSEWHERE;
      refused_more = true;
    }
  smtp->dirty = false;
  return refused_more ? MSUB_AGAIN_ELSEWHERE : MSUB_AGAIN_HERE;
}

/* What was offered and refused can be done without: how?  */
static int
find_way_on (struct msub_smtp *smtp, const struct progress *progress, struct msub_transaction *transaction,
             struct msub_error *err)
{
  bool definite = err->kind == MSUB_REFUSED || err->kind == MSUB_DEFERRED;
  if (!progress->offer || !definite || err->code == 421)
    return 0;
  int way = progress->chunk_out ? resynchronize (smtp, err) : smtp->settled ? MSUB_AGAIN_HERE : MSUB_AGAIN_ELSEWHERE;
  if (way < 0)
    return -1;
  transaction->again = (enum msub_again) way;
  return 0;
}

/* One transaction, and in the journal how it ended, unless nobody knows.  */
static int
transact (struct msub_smtp *smtp, const struct msub_envelope *envelope, int fd, const struct msub_body_facts *facts,
          bool *open, struct msub_transaction *transaction_r, struct msub_error *err)
{
  struct progress progress = { .transaction = transaction_r, .envelope = envelope, .facts = facts, .open = open };
  int result = transact_noting (smtp, fd, facts, &progress, err);
  if (result && (progress.in_doubt || find_way_on (smtp, &progress, transaction_r, err)))
    doubt (&progress, err);
  int code = transaction_r->again || !err->code ? NOT_ACCEPTED : err->code;
  if (result && err->kind != MSUB_UNCERTAIN)
    journal_reply (&progress, code, err->text);
  transaction_r->offer = !result || transaction_r->again ? progress.offer : progress.suspect;
  free (progress.notes);
  return result;
}

void
msub_smtp_leave_out (const struct msub_context *context, const struct msub_envelope *envelope,
                     struct msub_transaction *transaction, const struct msub_error *err)
{
  for (size_t i = 0; i < envelope->count; i++)
    if (transaction->open[i])
      {
        struct msub_event *event = msub_event_new (MSUB_EVENT_RECIPIENT);
        msub_event_text (event, "address", envelope->recipients[i]);
        msub_event_integer (event, "code", err->code ? err->code : NOT_ACCEPTED);
        msub_event_text (event, "enhanced", err->enhanced);
        msub_event_text (event, "text", err->text);
        msub_emit (context, event);
        transaction->open[i] = false;
        transaction->left--;
        transaction->refused++;
      }
}

void
msub_transaction_clear (struct msub_transaction *transaction)
{
  free (transaction->open);
  *transaction = (struct msub_transaction) { 0 };
}

/* More than one transaction (RFC 9422, RFC 5321 section 4.5.3.1.10) */

static const char *
domain_of (const char *address)
{
  const char *at = strrchr (address, '@');
  return at ? at + 1 : "";
}

/* Is RECIPIENTS[I]'s domain none of those before it?  */
static bool
new_domain (const char *const *recipients, size_t i)
{
  for (size_t j = 0; j < i; j++)
    if (strcasecmp (domain_of (recipients[i]), domain_of (recipients[j])) == 0)
      return false;
  return true;
}

/* How many of ENVELOPE's recipients from FIRST on the server takes at once, MOST at most.  They stay in their order.  */
static size_t
part_size (const struct msub_smtp *smtp, const struct msub_envelope *envelope, size_t first, size_t most)
{
  const struct msub_capabilities *caps = &smtp->caps;
  size_t count = 0;
  if (caps->recipients_max && caps->recipients_max < most)
    most = caps->recipients_max;
  if (!caps->domains_max)
    return most;
  for (size_t domains = 0; count < most; count++)
    {
      domains += new_domain (envelope->recipients + first, count);
      if (domains > caps->domains_max)
        break;
    }
  return count;
}

bool
msub_smtp_spent (const struct msub_smtp *smtp)
{
  return smtp->caps.mails_max && smtp->mails >= smtp->caps.mails_max;
}

bool
msub_smtp_needs_sessions (const struct msub_smtp *smtp, const struct msub_envelope *envelope)
{
  size_t parts = 0;
  if (!smtp->caps.mails_max)
    return false;
  for (size_t first = 0; first < envelope->count; first += part_size (smtp, envelope, first, envelope->count - first))
    parts++;
  return smtp->mails + parts > smtp->caps.mails_max;
}

/* The transaction before has ended, but nobody was accepted in it: the server may still wait for its message.  */
static int
begin_anew (struct msub_smtp *smtp, struct msub_error *err)
{
  if (!smtp->dirty)
    return 0;
  if (msub_smtp_silence (smtp, err) || msub_smtp_command (smtp, err, "RSET") || msub_smtp_exchange (smtp, MAIL_SECONDS, err))
    return -1;
  smtp->dirty = false;
  return msub_smtp_last (smtp)->code == 250 ? 0 : msub_smtp_failed (smtp, MSUB_REFUSED, "any", "RSET", err);
}

/* The first of the open recipients and those that follow at once, as many as the server takes together.  */
static struct msub_envelope
next_part (const struct msub_smtp *smtp, const struct msub_envelope *envelope, const bool *open)
{
  size_t first = 0, most = 0;
  while (!open[first])
    first++;
  while (first + most < envelope->count && open[first + most])
    most++;
  struct msub_envelope part = *envelope;
  part.recipients += first;
  part.first += first;
  part.count = part_size (smtp, envelope, first, most);
  return part;
}

static void
set_open (bool *open, size_t count, bool value)
{
  for (size_t i = 0; i < count; i++)
    open[i] = value;
}

/* The next of the transactions.  -1: there is to be no other one, because of ERR.  */
static int
send_part (struct msub_smtp *smtp, const struct msub_envelope *envelope, int fd, const struct msub_body_facts *facts,
           struct msub_transaction *whole, struct msub_error *refusal, struct msub_error *err)
{
  struct msub_envelope part = next_part (smtp, envelope, whole->open);
  bool *open = whole->open + (part.first - envelope->first);
  struct msub_transaction transaction = { 0 };
  if (begin_anew (smtp, err))
    return -1;
  smtp->mails++;
  set_open (open, part.count, false);
  int failed = transact (smtp, &part, fd, facts, open, &transaction, err);
  whole->at_mail = transaction.at_mail;
  whole->again = transaction.again;
  if (transaction.offer)
    whole->offer = transaction.offer;
  bool all_refused = transaction.refused == part.count;
  /* Nobody knows of those; they are not reported as left out.  */
  if (!failed)
    {
      whole->accepted += transaction.accepted;
      whole->refused += transaction.refused;
      if (transaction.offer)
        msub_capabilities_leave_out (&smtp->caps, transaction.offer);
    }
  else if (err->kind == MSUB_UNCERTAIN || (all_refused && !transaction.again))
    {
      whole->refused += part.count;
      set_open (open, part.count, false);
    }
  else
    set_open (open, part.count, true);
  for (size_t i = whole->left = 0; i < envelope->count; i++)
    whole->left += whole->open[i];
  if (failed && all_refused && !transaction.again && err->kind != MSUB_UNCERTAIN)
    {
      if (refusal->kind == MSUB_OK)
        *refusal = *err;
      *err = (struct msub_error) { 0 };
      return 0;
    }
  return failed;
}

/* Nobody knows what has become of the message for some: the others have to wait for somebody to decide.  */
static int
leave_out_in_doubt (const struct msub_smtp *smtp, const struct msub_envelope *envelope,
                    struct msub_transaction *transaction)
{
  struct msub_error why = { 0 };
  msub_fail (&why, MSUB_DEFERRED,
             "Not sent to this recipient: what became of the message for the recipients before is not known");
  msub_smtp_leave_out (smtp->c->context, envelope, transaction, &why);
  return -1;
}

int
msub_smtp_send (struct msub_smtp *smtp, const struct msub_envelope *envelope, int fd,
                const struct msub_body_facts *facts, struct msub_transaction *transaction, struct msub_error *err)
{
  struct msub_error refusal = { 0 };
  transaction->again = MSUB_AGAIN_NOT;
  if (check_offer (smtp, envelope, facts, err))
    return -1;
  if (!transaction->open)
    {
      transaction->open = calloc (envelope->count, sizeof *transaction->open);
      if (!transaction->open)
        return msub_fail (err, MSUB_INTERNAL, "Out of memory");
      set_open (transaction->open, envelope->count, true);
      transaction->left = envelope->count;
    }
  do
    if (send_part (smtp, envelope, fd, facts, transaction, &refusal, err))
      {
        if (transaction->again)
          return -1;
        if (err->kind == MSUB_UNCERTAIN)
          return leave_out_in_doubt (smtp, envelope, transaction);
        if (transaction->accepted == 0)
          return -1;
        msub_smtp_leave_out (smtp->c->context, envelope, transaction, err);
        *err = (struct msub_error) { 0 };
        return 0;
      }
  while (transaction->left > 0 && !msub_smtp_spent (smtp));
  if (transaction->accepted > 0 || transaction->left > 0)
    return 0;
  *err = refusal;
  return -1;
}
