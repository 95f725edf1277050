/* data.c --- the message, on its way from the wire into a file.

   A message becomes NNNN.eml (as on the wire, without the dots of transparency) and NNNN.env
   (JSON) when it was accepted, or when all of it came and the script left it unanswered.  Both
   are complete before the reply leaves.

   SPDX-License-Identifier: GPL-3.0-or-later  */

#define _GNU_SOURCE
#include "peer.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#define SLOW_READ 512 /* octets at a time for block=drip, without block=split */

struct message
{
  FILE *file;    /* NULL without --store */
  char *part;    /* its name until it is complete */
  uint64_t wire; /* octets received, dots of transparency and final dot included */
  uint64_t octets; /* octets of the message */
  bool chunked;  /* by BDAT */
  bool blocked;  /* STEP_BLOCK has had its turn */
  long drip;     /* read slowly: msecs for each piece ... */
  size_t piece;  /* ... of so many octets */
  enum { START, DOT, DOT_CR, INSIDE, CR } state;
  size_t line;   /* octets in this line so far */
  bool bare_cr, bare_lf, nul, eight_bit, long_line; /* noted already */
};

static const char *const outcome_names[] = { "accepted", "refused", "unanswered", "aborted" };

static pthread_mutex_t numbering = PTHREAD_MUTEX_INITIALIZER;
static unsigned last_number;

static void
message_new (struct conn *c, bool chunked)
{
  struct message *m = need (calloc (1, sizeof *m));
  m->chunked = chunked;
  c->message = m;
  if (!options.store)
    return;
  m->part = printed ("%s/part-%u", options.store, c->id);
  m->file = fopen (m->part, "we");
  if (!m->file)
    die ("%s: %s", m->part, strerror (errno));
  setvbuf (m->file, NULL, _IOFBF, 65536);
}

static void
message_free (struct message *m)
{
  if (m->file)
    fclose (m->file);
  free (m->part);
  free (m);
}

static void
log_message (struct conn *c, enum outcome outcome, unsigned number, const char *why)
{
  const struct message *m = c->message;
  log_event (c, "message", "sdddsdbs", "outcome", outcome_names[outcome], "octets",
             (long long) m->octets, "wire_octets", (long long) m->wire, "recipients",
             (long long) c->n_recipients, "from", c->from, "number", (long long) number, "chunked",
             m->chunked, "why", why);
}

void
message_drop (struct conn *c, const char *why)
{
  if (!c->message)
    return;
  log_message (c, ABORTED, 0, why);
  if (c->message->part)
    unlink (c->message->part);
  message_free (c->message);
  c->message = NULL;
}

static void
write_envelope (const struct conn *c, const char *name, enum outcome outcome)
{
  FILE *f = fopen (name, "we");
  if (!f)
    die ("%s: %s", name, strerror (errno));
  fputc ('{', f);
  json_members (f, "ss", "from", c->from, "parameters", c->mail_parameters);
  fputs (",\"recipients\":[", f);
  for (size_t i = 0; i < c->n_recipients; i++)
    {
      fputs (i ? ",{" : "{", f);
      json_members (f, "ss", "address", c->recipients[i].address, "parameters",
                    c->recipients[i].parameters);
      fputc ('}', f);
    }
  fputs ("],", f);
  json_members (f, "ssssssddsb", "tls", c->tls ? c->tls_version : NULL, "auth",
                c->authenticated ? c->mechanism : NULL, "user", c->authenticated ? c->user : NULL,
                "listener", c->listener->name, "helo", c->helo, "outcome", outcome_names[outcome],
                "octets", (long long) c->message->octets, "conn", (long long) c->id, "cert",
                c->tls ? c->script->cert : NULL, "chunked", c->message->chunked);
  fputs ("}\n", f);
  fclose (f);
}

/* Give the message its number and its name.  0 when it is not kept.  */
static unsigned
keep (struct conn *c, enum outcome outcome)
{
  struct message *m = c->message;
  if (!m->file)
    return 0;
  if (outcome == REFUSED)
    {
      unlink (m->part);
      return 0;
    }
  if (fclose (m->file) != 0)
    die ("%s: %s", m->part, strerror (errno));
  m->file = NULL;
  pthread_mutex_lock (&numbering);
  char *eml = NULL;
  do
    {
      free (eml);
      eml = printed ("%s/%04u.eml", options.store, ++last_number);
    }
  while (access (eml, F_OK) == 0);
  unsigned number = last_number;
  char *env = printed ("%s/%04u.env", options.store, number);
  write_envelope (c, env, outcome);
  if (rename (m->part, eml) < 0)
    die ("%s: %s", eml, strerror (errno));
  pthread_mutex_unlock (&numbering);
  free (eml);
  free (env);
  return number;
}

/* All of the message is here: store it, then answer.  */
static int
complete (struct conn *c)
{
  bool big = size_limit (c) > 0 && c->message->octets > size_limit (c);
  char normal[64] = "552 5.3.4 Message too big\r\n";
  int verdict = answer_preview (c, STEP_DOT, big ? normal : "250");
  enum outcome outcome = verdict < 0 ? UNANSWERED : verdict ? ACCEPTED : REFUSED;
  unsigned number = keep (c, outcome);
  if (!big)
    snprintf (normal, sizeof normal, "250 2.0.0 Ok: queued as %04u\r\n", number);
  log_message (c, outcome, number, NULL);
  c->messages += outcome == ACCEPTED;
  message_free (c->message);
  c->message = NULL;
  int r = answer (c, STEP_DOT, "2", normal);
  reset_transaction (c);
  return r < 0 ? -1 : 0;
}

/* --- octets ------------------------------------------------------------------------------- */

static void
once (struct conn *c, bool *noted, const char *what)
{
  if (!*noted)
    violation (c, what, "in the message");
  *noted = true;
}

/* Watch for what no client may send.  */
static void
check_octet (struct conn *c, struct message *m, unsigned char o)
{
  bool after_cr = m->state == CR;
  if (after_cr != (o == '\n'))
    once (c, after_cr ? &m->bare_cr : &m->bare_lf, after_cr ? "bare-cr" : "bare-lf");
  if (o == '\0')
    once (c, &m->nul, "nul");
  if (o & 0x80 && !c->eight_bit)
    once (c, &m->eight_bit, "8bit");
  m->line = o == '\n' ? 0 : m->line + 1;
  if (m->line > 999) /* 998 and CR */
    once (c, &m->long_line, "line-too-long");
}

static inline void
put (struct message *m, unsigned char o)
{
  m->octets++;
  if (m->file)
    putc_unlocked (o, m->file);
}

/* Take N octets at P until the end of the message.  Returns how many were taken; *END_R says
   whether the last of them was the end.  The end is CRLF.CRLF and nothing else.  */
static size_t
take_lines (struct conn *c, const char *p, size_t n, bool *end_r)
{
  struct message *m = c->message;
  for (size_t i = 0; i < n; i++)
    {
      unsigned char o = (unsigned char) p[i];
      if (m->state == START && o == '.')
        {
          m->state = DOT;
          continue;
        }
      if (m->state == DOT && o == '\r')
        {
          m->state = DOT_CR;
          continue;
        }
      if (m->state == DOT_CR)
        {
          if (o == '\n')
            {
              *end_r = true;
              return i + 1;
            }
          put (m, '\r'); /* a stuffed line that begins with a lone CR */
          m->state = CR;
        }
      check_octet (c, m, o);
      put (m, o);
      m->state = o == '\r' ? CR : o == '\n' && m->state == CR ? START : INSIDE;
    }
  return n;
}

/* The same for a chunk, where nothing has a meaning.  */
static void
take_chunk (struct conn *c, const char *p, size_t n)
{
  struct message *m = c->message;
  for (size_t i = 0; i < n; i++)
    {
      unsigned char o = (unsigned char) p[i];
      check_octet (c, m, o);
      put (m, o);
      m->state = o == '\r' ? CR : INSIDE;
    }
}

/* In the middle of the message it is the script's turn, once.  */
static int
block (struct conn *c)
{
  struct message *m = c->message;
  struct plan plan;
  if (m->blocked || m->wire < (uint64_t) c->script->block_at)
    return 0;
  m->blocked = true;
  if (!scripted (c, STEP_BLOCK))
    return 0;
  script_plan (c->script, STEP_BLOCK, c->count[STEP_BLOCK] + 1, &plan);
  m->drip = plan.number[ACT_DRIP];
  m->piece = plan.has[ACT_SPLIT] ? (size_t) plan.number[ACT_SPLIT] : SLOW_READ;
  if (plan.has[ACT_CLOSE] || plan.has[ACT_STALL])
    {
      /* A real close, not a half one: what the client goes on to send meets a reset.  */
      if (plan.has[ACT_STALL])
        stall (c, false);
      wire_end (&c->wire, END_ABRUPT);
      return -1;
    }
  if (plan.has[ACT_REPLY] || plan.has[ACT_RESET])
    return answer (c, STEP_BLOCK, "", "421 4.3.2 Going down\r\n") < 0 ? -1 : wire_flush (&c->wire);
  return wait_first (c, &plan);
}

/* What is in the buffer, read if there is nothing.  0 at the end.  */
static size_t
more_octets (struct conn *c)
{
  struct wire *w = &c->wire;
  if (block (c) < 0)
    return 0;
  if (w->in_start == w->in_end && wire_fill (w, IDLE_MSECS) <= 0)
    return 0;
  size_t n = w->in_end - w->in_start;
  if (c->message->drip > 0)
    {
      n = n < c->message->piece ? n : c->message->piece;
      wire_wait (w, c->message->drip);
    }
  return n;
}

/* --- DATA and BDAT ------------------------------------------------------------------------ */

int
data_command (struct conn *c)
{
  const char *normal = "354 End data with <CR><LF>.<CR><LF>\r\n";
  if (!c->in_transaction)
    normal = "503 5.5.1 Need MAIL first\r\n";
  else if (c->message)
    normal = "503 5.5.1 DATA behind BDAT\r\n";
  else if (c->n_recipients == 0)
    normal = "554 5.5.1 No valid recipients\r\n";
  int r = answer (c, STEP_DATA, "3", normal);
  if (r <= 0)
    return r;
  message_drop (c, "DATA behind BDAT");
  message_new (c, false);
  bool end = false;
  size_t n;
  while (!end && (n = more_octets (c)) > 0)
    {
      n = take_lines (c, c->wire.in + c->wire.in_start, n, &end);
      c->message->wire += n;
      c->wire.in_start += n;
    }
  if (end)
    return complete (c);
  message_drop (c, "connection lost");
  return -1;
}

/* Read a chunk of SIZE octets; into the message if there is one.  */
static int
read_chunk (struct conn *c, uint64_t size)
{
  struct wire *w = &c->wire;
  while (size > 0)
    {
      size_t n = c->message ? more_octets (c) : w->in_end - w->in_start;
      if (n == 0 && (c->message || wire_fill (w, IDLE_MSECS) <= 0))
        return -1;
      n = n < size ? n : (size_t) size;
      if (c->message)
        {
          take_chunk (c, w->in + w->in_start, n);
          c->message->wire += n;
        }
      w->in_start += n;
      size -= n;
    }
  return 0;
}

int
bdat_command (struct conn *c, const char *arguments)
{
  char *end;
  errno = 0;
  unsigned long long size = strtoull (arguments, &end, 10);
  bool last = strcasecmp (end, " LAST") == 0;
  if (!offered (c, "CHUNKING"))
    violation (c, "bdat-not-offered", NULL);
  if (arguments[0] < '0' || arguments[0] > '9' || errno || (*end && !last))
    {
      violation (c, "bad-bdat", arguments);
      return answer (c, STEP_DATA, "2", "501 5.5.4 BDAT SIZE [LAST]\r\n") < 0 ? -1 : 0;
    }
  bool good = c->in_transaction && c->n_recipients > 0;
  if (good && !c->message)
    message_new (c, true);
  if (read_chunk (c, size) < 0)
    {
      message_drop (c, "connection lost");
      return -1;
    }
  if (good && last)
    return complete (c);
  const char *normal = good ? "250 2.0.0 Chunk taken\r\n"
                       : c->in_transaction ? "554 5.5.1 No valid recipients\r\n"
                                           : "503 5.5.1 Need MAIL first\r\n";
  int r = answer (c, last ? STEP_DOT : STEP_DATA, "2", normal);
  /* RFC 3030, section 2: behind a chunk that was refused the transaction is over.  */
  if (r == 0)
    reset_transaction (c);
  return r < 0 ? -1 : 0;
}
