/* smtp.c --- the beginning and the end of an SMTP conversation (RFC 5321, RFC 3207).

   Floor 5.  SPDX-License-Identifier: GPL-3.0-or-later  */

#include "smtp.h"

#include <stdio.h>
#include <string.h>

/* Seconds: RFC 5321 section 4.5.3.2, where it has one.  */
enum
{
  GREETING_SECONDS = 300,
  HELLO_SECONDS = 300,
  STARTTLS_SECONDS = 120,
  HANDSHAKE_SECONDS = 120,
  RESET_SECONDS = 10,
};

bool
msub_smtp_unanswered (const struct msub_smtp *smtp, const struct msub_error *err)
{
  return smtp->c->received == 0 && (err->kind == MSUB_LOST || err->kind == MSUB_TLS);
}

/* The greeting, waited for since STARTED, is there.  */
static int
greeted (struct msub_smtp *smtp, msub_time started, struct msub_error *err)
{
  char words[600];
  msub_reply_words (msub_smtp_shown (smtp), words, sizeof words);
  struct msub_event *event = msub_event_new (MSUB_EVENT_GREETING);
  msub_event_integer (event, "code", msub_smtp_last (smtp)->code);
  msub_event_text (event, "text", words);
  msub_event_real (event, "ms", msub_msecs_since (started));
  msub_emit (smtp->c->context, event);
  return msub_smtp_last (smtp)->code == 220 ? 0 : msub_smtp_failed (smtp, MSUB_REFUSED, "greeting", "the connection", err);
}

/* Who takes nobody just now may say so as soon as it is asked, and in the clear where TLS has to begin at once (Exim, programs
   against viruses): no TLS is missing then, and the words are told.  They are all that is heard, and nothing is said to them
   (SECURITY: C9).  */
static bool
refused_before_tls (struct msub_smtp *smtp, msub_time started, struct msub_error *err)
{
  struct msub_connection *c = smtp->c;
  struct msub_error failed = { 0 };
  if (c->received > sizeof c->first || (c->first[0] != '4' && c->first[0] != '5'))
    return false;
  c->in_end = (size_t) c->received;
  memcpy (c->in, c->first, c->in_end);
  c->cut = true;
  if (msub_smtp_read (smtp, msub_smtp_deadline (smtp, MSUB_MOMENT), &failed) && failed.kind != MSUB_CANCELLED)
    return false;
  *err = failed;
  return err->kind == MSUB_CANCELLED || greeted (smtp, started, err) != 0;
}

int
msub_smtp_tls (struct msub_smtp *smtp, const struct msub_tls_trust *trust, const char *name, bool must_verify,
               struct msub_tls_info *info_r, struct msub_error *err)
{
  msub_time started = msub_now ();
  int failed = msub_tls_start (smtp->c, trust, name, must_verify, msub_smtp_deadline (smtp, HANDSHAKE_SECONDS), info_r,
                               err);
  /* A certificate that was not accepted is told of, too: a person may want to look at it.  */
  if (!failed || info_r->fingerprint[0])
    msub_tls_report (smtp->c->context, info_r);
  smtp->tls = !failed;
  smtp->verified = info_r->verified;
  if (failed && info_r->failure && strcmp (info_r->failure, "plaintext") == 0 && refused_before_tls (smtp, started, err))
    info_r->failure = NULL;
  return failed;
}

int
msub_smtp_greeting (struct msub_smtp *smtp, struct msub_error *err)
{
  msub_time started = msub_now ();
  if (msub_smtp_read (smtp, msub_smtp_deadline (smtp, GREETING_SECONDS), err))
    return -1;
  return greeted (smtp, started, err);
}

/* A keyword that stands where STARTTLS stood: firewalls that "fix" SMTP write the letter X over it, or over a part of it.
   NULL where there is none.  */
static const char *
overwritten (const struct msub_smtp *smtp, char *buf, size_t size)
{
  for (const char *p = smtp->caps.names; *p;)
    {
      size_t length = strcspn (p, "\n");
      bool start = length >= 5 && strncmp (p, "START", 5) == 0 && !(length == 8 && strncmp (p, "STARTTLS", 8) == 0);
      bool crossed = length >= 4 && strspn (p, "X") + 1 >= length;
      if (start || crossed)
        {
          snprintf (buf, size, "%.*s", (int) (length < 40 ? length : 40), p);
          return buf;
        }
      p += length + (p[length] == '\n');
    }
  return NULL;
}

/* What STARTTLS has become on the way here: before TLS only.  */
static void
report_starttls (const struct msub_smtp *smtp, struct msub_event *event)
{
  char buf[48], clean[64];
  const char *instead = overwritten (smtp, buf, sizeof buf);
  if (smtp->tls)
    return;
  msub_event_text (event, "starttls", smtp->caps.starttls ? "offered" : instead ? "mangled" : "missing");
  if (instead && !smtp->caps.starttls)
    {
      msub_text_clean (clean, sizeof clean, instead, strlen (instead));
      msub_event_text (event, "instead", clean);
    }
}

/* Who the server says it is: the first word of its answer to EHLO.  */
static void
report_name (const struct msub_smtp *smtp, struct msub_event *event)
{
  char name[256];
  const char *text = msub_smtp_shown (smtp)->text;
  msub_text_clean (name, sizeof name, text, strcspn (text, " \t\n"));
  msub_event_text (event, "name", name);
}

static void
report_capabilities (const struct msub_smtp *smtp)
{
  char mechanisms[sizeof smtp->caps.mechanisms + 1];
  snprintf (mechanisms, sizeof mechanisms, "%s%s", smtp->caps.mechanisms, smtp->caps.mechanisms[0] ? "\n" : "");
  for (char *p = mechanisms; *p; p++)
    if (*p == ' ')
      *p = '\n';
  struct msub_event *event = msub_event_new (MSUB_EVENT_CAPABILITIES);
  msub_event_truth (event, "secure", smtp->tls);
  msub_event_list (event, "keywords", smtp->caps.names);
  msub_event_list (event, "mechanisms", mechanisms);
  report_starttls (smtp, event);
  report_name (smtp, event);
  msub_emit (smtp->c->context, event);
}

/* Where the words do not name it already, the name is what is wrong with COMMAND's argument.  What other refusals are about is
   Lisp's to read: many servers turn addresses away here.  */
static int
not_greeted (const struct msub_smtp *smtp, const char *command, struct msub_error *err)
{
  msub_smtp_failed (smtp, MSUB_REFUSED, "ehlo", command, err);
  int code = msub_smtp_last (smtp)->code;
  if ((code == 501 || code == 504) && !msub_smtp_dislikes_name (smtp))
    msub_smtp_name_advice (smtp, err);
  return -1;
}

int
msub_smtp_hello (struct msub_smtp *smtp, bool helo_allowed, struct msub_error *err)
{
  memset (&smtp->caps, 0, sizeof smtp->caps);
  if (msub_smtp_silence (smtp, err) || msub_smtp_command (smtp, err, "EHLO %s", smtp->helo)
      || msub_smtp_exchange (smtp, HELLO_SECONDS, err))
    return -1;
  if (msub_smtp_last (smtp)->code / 100 == 5 && helo_allowed)
    {
      if (msub_smtp_silence (smtp, err) || msub_smtp_command (smtp, err, "HELO %s", smtp->helo)
          || msub_smtp_exchange (smtp, HELLO_SECONDS, err))
        return -1;
      return msub_smtp_last (smtp)->code == 250 ? 0 : not_greeted (smtp, "HELO", err);
    }
  if (msub_smtp_last (smtp)->code != 250)
    return not_greeted (smtp, "EHLO", err);
  msub_capabilities_parse (msub_smtp_last (smtp), &smtp->caps);
  report_capabilities (smtp);
  if (smtp->without)
    msub_capabilities_leave_out (&smtp->caps, smtp->without);
  return 0;
}

int
msub_smtp_striptls (const struct msub_smtp *smtp, const char *name, bool remembered, struct msub_error *err)
{
  if (smtp->tls || smtp->caps.starttls || !remembered || err->kind != MSUB_OK)
    return err->kind == MSUB_OK ? 0 : -1;
  char buf[48];
  const char *instead = overwritten (smtp, buf, sizeof buf);
  msub_fail (err, MSUB_INSECURE,
             "%s has offered STARTTLS before and does not now%s%s: somebody on the way has probably taken it out. "
             "Neither the password nor the message was sent",
             msub_connection_called (smtp->c, name).text, instead ? "; it says in its place: " : "", instead ? instead : "");
  err->alarm = "striptls";
  return -1;
}

static int
not_offered (const struct msub_smtp *smtp, const char *name, struct msub_error *err)
{
  char buf[48];
  const char *instead = overwritten (smtp, buf, sizeof buf);
  msub_fail (err, MSUB_INSECURE,
             "%s does not offer STARTTLS%s%s: somebody on the way may have taken it out. Neither the password nor the "
             "message was sent",
             msub_connection_called (smtp->c, name).text, instead ? " and says in its place " : "", instead ? instead : "");
  if (instead)
    err->alarm = "striptls";
  return -1;
}

int
msub_smtp_starttls (struct msub_smtp *smtp, const struct msub_tls_trust *trust, const char *name, bool required,
                    bool must_verify, struct msub_tls_info *info_r, struct msub_error *err)
{
  if (!smtp->caps.starttls)
    return required ? not_offered (smtp, name, err) : 0;
  if (msub_smtp_silence (smtp, err) || msub_smtp_command (smtp, err, "STARTTLS") || msub_smtp_exchange (smtp, STARTTLS_SECONDS, err))
    return -1;
  int code = msub_smtp_last (smtp)->code;
  if (code / 100 == 4)
    return msub_smtp_failed (smtp, MSUB_INSECURE, "starttls", "STARTTLS", err);
  if (code != 220)
    {
      char words[400];
      msub_reply_words (msub_smtp_shown (smtp), words, sizeof words);
      msub_fail (err, MSUB_INSECURE,
                 "%s offered STARTTLS and then did not start it: %s%s. Neither the password nor the message was sent",
                 msub_connection_called (smtp->c, name).text, words, msub_smtp_doubt (smtp));
      msub_smtp_note_reply (smtp, "starttls", err);
      return -1;
    }
  return msub_smtp_upgrade (smtp, trust, name, must_verify, info_r, err);
}

int
msub_smtp_upgrade (struct msub_smtp *smtp, const struct msub_tls_trust *trust, const char *name, bool must_verify,
                   struct msub_tls_info *info_r, struct msub_error *err)
{
  if (msub_smtp_tls (smtp, trust, name, must_verify, info_r, err))
    return -1;
  /* Everything learned so far came in the clear: a reply, a capability, half a line (RFC 3207 section 4.2).  */
  msub_reply_reset (&smtp->parser);
  return msub_smtp_hello (smtp, false, err);
}

int
msub_smtp_reset (struct msub_smtp *smtp, struct msub_error *err)
{
  if (msub_smtp_command (smtp, err, "RSET") || msub_smtp_exchange (smtp, RESET_SECONDS, err))
    return -1;
  smtp->dirty = false;
  return msub_smtp_last (smtp)->code == 250 ? 0 : msub_smtp_failed (smtp, MSUB_REFUSED, "any", "RSET", err);
}

int
msub_smtp_again (struct msub_smtp *smtp, bool idle, struct msub_error *err)
{
  if (!smtp->settled || msub_smtp_silence (smtp, err))
    return msub_fail (err, MSUB_LOST, "%s closed the connection", smtp->c->peer.text);
  if (!smtp->dirty && !idle)
    return 0;
  return msub_smtp_reset (smtp, err);
}

void
msub_smtp_quit (struct msub_smtp *smtp)
{
  struct msub_error ignored = { 0 };
  if (!smtp->in_message && msub_smtp_put (smtp, "QUIT", NULL, &ignored) == 0)
    msub_connection_flush_try (smtp->c);
}

void
msub_smtp_quit_wait (struct msub_smtp *smtp)
{
  struct msub_error ignored = { 0 };
  if (!smtp->in_message)
    msub_smtp_read (smtp, msub_smtp_deadline (smtp, MSUB_MOMENT), &ignored);
}
