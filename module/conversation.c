/* conversation.c --- commands out, replies in: what every act of an SMTP conversation is made of.

   Floor 4.  SPDX-License-Identifier: GPL-3.0-or-later  */

#define _GNU_SOURCE
#include "conversation.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct msub_smtp *
msub_smtp_new (struct msub_connection *c, const char *helo, int step_msecs)
{
  struct msub_smtp *smtp = calloc (1, sizeof *smtp);
  if (!smtp)
    {
      msub_connection_free (&c);
      return NULL;
    }
  smtp->c = c;
  smtp->helo = helo;
  smtp->step_msecs = step_msecs;
  return smtp;
}

void
msub_smtp_free (struct msub_smtp **smtp)
{
  if (!*smtp)
    return;
  (*smtp)->c->cut |= (*smtp)->in_message;
  msub_connection_free (&(*smtp)->c);
  for (size_t i = 0; i < (*smtp)->secret_count; i++)
    msub_wipe_free (&(*smtp)->secrets[i]);
  msub_wipe (*smtp, sizeof **smtp);
  free (*smtp);
  *smtp = NULL;
}

/* Deadlines */

msub_time
msub_smtp_usecs (const struct msub_smtp *smtp, int seconds)
{
  msub_time usecs = MSUB_MSECS (seconds * 1000);
  msub_time bound = MSUB_MSECS (smtp->step_msecs);
  if (bound > 0 && bound < usecs)
    usecs = bound;
  smtp->c->patience_msecs = (int) (usecs / 1000);
  return usecs;
}

msub_time
msub_smtp_deadline (const struct msub_smtp *smtp, int seconds)
{
  return msub_now () + msub_smtp_usecs (smtp, seconds);
}

/* The trace */

void
msub_smtp_trace (const struct msub_smtp *smtp, const char *direction, const char *line, size_t n)
{
  if (!smtp->c->context->trace)
    return;
  char clean[1024];
  msub_text_clean (clean, sizeof clean, line, n);
  struct msub_event *event = msub_event_new (MSUB_EVENT_LOG);
  msub_event_text (event, "direction", direction);
  msub_event_text (event, "text", clean);
  msub_emit (smtp->c->context, event);
}

static void
trace_reply (const struct msub_smtp *smtp)
{
  const struct msub_reply *reply = msub_smtp_shown (smtp);
  if (!smtp->c->context->trace)
    return;
  const char *end = reply->text + reply->text_length;
  for (const char *p = reply->text; p < end;)
    {
      const char *newline = memchr (p, '\n', (size_t) (end - p));
      const char *stop = newline ? newline : end;
      char line[1024], words[1000];
      msub_text_clean (words, sizeof words, p, (size_t) (stop - p));
      size_t n = msub_text_format (line, sizeof line, "%d%c%s", reply->code, stop + 1 < end ? '-' : ' ', words);
      msub_smtp_trace (smtp, "S", line, n);
      p = stop + 1;
    }
}

/* Secrets */

int
msub_smtp_hide (struct msub_smtp *smtp, const char *secret, struct msub_error *err)
{
  if (strlen (secret) < MSUB_SECRET_LEAST || smtp->secret_count == MSUB_SECRETS_MAX)
    return 0;
  char *copy = strdup (secret);
  if (!copy)
    return msub_fail (err, MSUB_INTERNAL, "Out of memory");
  smtp->secrets[smtp->secret_count++] = copy;
  return 0;
}

void
msub_smtp_blot (const struct msub_smtp *smtp, char *text, size_t n)
{
  for (size_t i = 0; i < smtp->secret_count; i++)
    {
      size_t length = strlen (smtp->secrets[i]);
      char *p = text;
      while ((p = memmem (p, (size_t) (text + n - p), smtp->secrets[i], length)))
        {
          memset (p, '*', length);
          p += length;
        }
    }
}

/* What was said, for telling.  The reply itself stays as it is: stars in a challenge would make it another.  */
static void
note_shown (struct msub_smtp *smtp)
{
  const struct msub_reply *reply = &smtp->parser.reply;
  memcpy (&smtp->shown, reply, offsetof (struct msub_reply, text));
  memcpy (smtp->shown.text, reply->text, reply->text_length + 1);
  smtp->shown.text_length = reply->text_length;
  msub_smtp_blot (smtp, smtp->shown.text, smtp->shown.text_length);
}

/* Replies */

static int
take_reply (struct msub_smtp *smtp)
{
  smtp->replies++;
  note_shown (smtp);
  trace_reply (smtp);
  return 0;
}

/* Nothing more comes, because of ERR.  Who has said no, and then ended the connection in the middle of its line, has said so
   (SECURITY: H22); inside TLS that counts only where it has ended TLS, too (SECURITY: C12).  */
static int
ended (struct msub_smtp *smtp, struct msub_error *err)
{
  bool over = err->kind == MSUB_LOST && (smtp->c->ended || !smtp->tls);
  if (!over || !msub_reply_cut_off (&smtp->parser))
    return -1;
  *err = (struct msub_error) { 0 };
  return take_reply (smtp);
}

int
msub_smtp_read (struct msub_smtp *smtp, msub_time deadline, struct msub_error *err)
{
  struct msub_connection *c = smtp->c;
  msub_reply_reset (&smtp->parser);
  for (;;)
    {
      ssize_t n = msub_connection_fill (c, deadline, err);
      if (n == 0)
        msub_fail (err, MSUB_LOST, "%s closed the connection", c->peer.text);
      if (n <= 0)
        return ended (smtp, err);
      size_t used = 0;
      int complete = msub_reply_feed (&smtp->parser, c->in + c->in_start, (size_t) n, &used, err);
      c->in_start += used;
      if (complete < 0)
        {
          msub_smtp_blot (smtp, err->text, strlen (err->text)); /* it quotes what is no reply */
          return -1;
        }
      if (complete)
        return take_reply (smtp);
      if (msub_now () >= deadline)
        return msub_connection_late (c, "finish its answer", err);
    }
}

const struct msub_reply *
msub_smtp_last (const struct msub_smtp *smtp)
{
  return &smtp->parser.reply;
}

const struct msub_reply *
msub_smtp_shown (const struct msub_smtp *smtp)
{
  return &smtp->shown;
}

const char *
msub_smtp_doubt (const struct msub_smtp *smtp)
{
  if (smtp->tls && smtp->verified)
    return "";
  return smtp->tls ? " (said without verified TLS: anybody on the way may have said it)"
                   : " (said without TLS: anybody on the way may have said it)";
}

/* Does TEXT have WORD as a word?  heloise@example.org has no HELO, and a "(EHLO)" of Gmail's is only where it was said.  */
static bool
has_word (const char *text, const char *word)
{
  static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
  for (const char *p = text; (p = msub_text_find (p, word)); p++)
    if (strspn (p, letters) == strlen (word) && (p == text || !memchr (letters, p[-1], sizeof letters - 1))
        && !(p > text && p[-1] == '(' && p[strlen (word)] == ')'))
      return true;
  return false;
}

/* A server that has not heard the greeting, or does not know the command, says nothing of the name in it.  */
bool
msub_smtp_dislikes_name (const struct msub_smtp *smtp)
{
  const struct msub_reply *reply = msub_smtp_last (smtp);
  bool named = strchr (smtp->helo, '.') && msub_text_find (reply->text, smtp->helo);
  bool command = reply->code == 500 || reply->code == 502 || reply->code == 503;
  return reply->code >= 400 && !command && (named || has_word (reply->text, "HELO") || has_word (reply->text, "EHLO"));
}

void
msub_smtp_name_advice (const struct msub_smtp *smtp, struct msub_error *err)
{
  char advice[400];
  msub_text_format (advice, sizeof advice, "This is about the name that this machine gives in EHLO, %s: :helo or --helo sets "
                    "another", smtp->helo);
  msub_error_add (err, advice);
}

void
msub_smtp_note_reply (const struct msub_smtp *smtp, const char *step, struct msub_error *err)
{
  const struct msub_reply *reply = msub_smtp_shown (smtp);
  err->step = step;
  err->code = reply->code;
  memcpy (err->enhanced, reply->enhanced, sizeof err->enhanced);
  msub_reply_lines (reply, err->said, sizeof err->said);
}

bool
msub_smtp_farewell (int code)
{
  return code == 421 || code == 221;
}

bool
msub_smtp_leaves (const struct msub_smtp *smtp)
{
  return msub_smtp_farewell (msub_smtp_last (smtp)->code);
}

int
msub_smtp_failed (const struct msub_smtp *smtp, enum msub_kind kind_5, const char *step, const char *what,
                  struct msub_error *err)
{
  const struct msub_reply *reply = msub_smtp_shown (smtp);
  char words[600];
  msub_reply_words (reply, words, sizeof words);
  if (err->kind != MSUB_OK)
    return -1;
  int class = reply->code / 100;
  const char *peer = smtp->c->peer.text, *doubt = msub_smtp_doubt (smtp);
  if (class == 5)
    msub_fail (err, kind_5, "%s refused %s: %s%s", peer, what, words, doubt);
  else if (class == 4
           || (msub_smtp_leaves (smtp) && (smtp->in_message || strcmp (step, "dot") != 0) && strcmp (step, "auth") != 0))
    msub_fail (err, MSUB_DEFERRED, "%s cannot take %s now, try again later: %s%s", peer, what, words, doubt);
  else
    msub_fail (err, MSUB_PROTOCOL, "%s gave an answer to %s that makes no sense there: %s%s", peer, what, words, doubt);
  msub_smtp_note_reply (smtp, step, err);
  if (msub_smtp_dislikes_name (smtp))
    msub_smtp_name_advice (smtp, err);
  /* Some do not end the handshake for want of one, and say it inside TLS (Postfix, smtpd_tls_req_ccert).  */
  if (smtp->tls && class >= 4 && msub_text_find (reply->text, "client certificate"))
    err->about = "client-certificate";
  return -1;
}

/* The server has spoken out of turn: a farewell means that it is going away (RFC 5321 section 3.8), everything else that its
   replies and our commands no longer belong together (SECURITY: B5, B7, H2).  */
static int
spoken_unasked (struct msub_smtp *smtp, struct msub_error *err)
{
  if (msub_smtp_read (smtp, msub_smtp_deadline (smtp, MSUB_MOMENT), err))
    return -1;
  if (msub_smtp_leaves (smtp))
    return msub_smtp_failed (smtp, MSUB_REFUSED, "any", "the mail", err);
  char words[400];
  msub_reply_words (msub_smtp_shown (smtp), words, sizeof words);
  return msub_fail (err, MSUB_PROTOCOL, "%s spoke before it was asked: %s", smtp->c->peer.text, words);
}

int
msub_smtp_silence (struct msub_smtp *smtp, struct msub_error *err)
{
  if (msub_connection_unread (smtp->c))
    return spoken_unasked (smtp, err);
  /* What leaves now would be in doubt, and for nothing: the reason is read.  */
  bool gone = smtp->c->ended || smtp->c->broken;
  return gone ? msub_smtp_read (smtp, msub_smtp_deadline (smtp, MSUB_MOMENT), err) : 0;
}

/* Commands */

int
msub_smtp_put (struct msub_smtp *smtp, const char *line, const char *shown, struct msub_error *err)
{
  msub_smtp_trace (smtp, "C", shown ? shown : line, strlen (shown ? shown : line));
  if (msub_connection_put (smtp->c, line, strlen (line), err) || msub_connection_put (smtp->c, "\r\n", 2, err))
    return -1;
  return 0;
}

int
msub_smtp_command (struct msub_smtp *smtp, struct msub_error *err, const char *format, ...)
{
  char line[2 * MSUB_COMMAND_MAX];
  va_list args;
  va_start (args, format);
  int n = vsnprintf (line, sizeof line, format, args);
  va_end (args);
  if (n < 0 || (size_t) n >= sizeof line)
    return msub_fail (err, MSUB_MESSAGE, "A command would be longer than SMTP allows");
  return msub_smtp_put (smtp, line, NULL, err);
}

int
msub_smtp_exchange (struct msub_smtp *smtp, int seconds, struct msub_error *err)
{
  msub_time deadline = msub_smtp_deadline (smtp, seconds);
  if (msub_connection_flush (smtp->c, deadline, err))
    return -1;
  return msub_smtp_read (smtp, deadline, err);
}

