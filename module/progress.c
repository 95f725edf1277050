/* progress.c --- what has become of an envelope while its replies come in.

   Floor 7.  SPDX-License-Identifier: GPL-3.0-or-later  */

#define _GNU_SOURCE
#include "progress.h"

int
msub_progress_unanswered (struct msub_progress *progress, const struct msub_smtp *smtp, const char *keyword,
                          const struct msub_error *err)
{
  bool silent = err->kind == MSUB_TIMEOUT && msub_connection_unacknowledged (smtp->c) == 0;
  if (silent || err->kind == MSUB_LOST || err->kind == MSUB_TLS)
    progress->suspect = keyword;
  return -1;
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
  if (!msub_text_is_utf8 (reply->text, reply->text_length))
    {
      char lines[MSUB_TEXT_MAX];
      msub_reply_lines (reply, lines, sizeof lines);
      msub_event_list (event, "said", lines);
    }
  msub_emit (smtp->c->context, event);
}

int
msub_progress_mail (struct msub_smtp *smtp, struct msub_progress *progress, struct msub_error *err)
{
  int code = msub_smtp_last (smtp)->code;
  bool leaving = msub_smtp_leaves (smtp);
  if (code / 100 == 2 && !leaving)
    return 0;
  /* 530 and its kin: the server wants a log-in (RFC 4954 section 6).  */
  bool log_in = code == 530 || code == 534 || code == 535 || code == 538;
  progress->at_mail = true;
  progress->session_over = msub_smtp_about_session (smtp);
  progress->offer = code / 100 == 5 ? msub_smtp_unkept_by_mail (smtp, progress->envelope, progress->facts) : NULL;
  bool heard_out = (progress->in_doubt && (code >= 400 || leaving)) || (progress->offer && smtp->caps.pipelining);
  msub_smtp_failed (smtp, log_in ? MSUB_AUTH : MSUB_REFUSED, "mail", "the sender", heard_out ? &progress->sender : err);
  return heard_out ? 0 : -1;
}

int
msub_progress_contradiction (const struct msub_smtp *smtp, const char *what, struct msub_error *err)
{
  char words[400];
  msub_reply_words (msub_smtp_shown (smtp), words, sizeof words);
  return msub_fail (err, MSUB_PROTOCOL, "%s took %s after it had refused what comes before: %s", smtp->c->peer.text, what,
                    words);
}

int
msub_progress_recipient (struct msub_smtp *smtp, size_t i, struct msub_progress *progress, struct msub_error *err)
{
  bool sent = progress->in_doubt;
  const char *address = progress->envelope->recipients[i];
  int class = msub_smtp_last (smtp)->code / 100;
  bool leaving = msub_smtp_leaves (smtp);
  /* When the whole message is out, it has to be heard what the server does with it; if it really leaves, that is why.  */
  if (leaving && sent && progress->farewell.kind == MSUB_OK)
    msub_smtp_failed (smtp, MSUB_REFUSED, "rcpt", "the recipient", &progress->farewell);
  if (leaving && smtp->caps.pipelining)
    progress->suspect = sent ? "PIPELINING,CHUNKING" : "PIPELINING";
  if ((leaving && !sent) || class == 3)
    return msub_smtp_failed (smtp, MSUB_REFUSED, "rcpt", "the recipient", err);
  if (progress->sender.kind != MSUB_OK)
    return class == 2 && !leaving ? msub_progress_contradiction (smtp, "the recipient", err) : 0;
  const char *offer = class == 5 ? msub_smtp_unkept_by_recipient (smtp, progress->envelope, i) : NULL;
  bool over = msub_smtp_about_session (smtp);
  bool another = offer || over || (progress->accepted > 0 && msub_smtp_about_number (msub_smtp_last (smtp)));
  progress->session_over = progress->session_over || over;
  progress->open[i] = another;
  if (another)
    {
      progress->postponed++;
      progress->offer = offer ? offer : progress->offer;
      if (!offer && !over && i == progress->accepted)
        smtp->caps.recipients_max = (unsigned) i;
    }
  else
    report_recipient (smtp, address);
  if (class == 2)
    {
      progress->accepted++;
      return 0;
    }
  progress->refused += !another;
  char words[400];
  msub_reply_words (msub_smtp_shown (smtp), words, sizeof words);
  if (msub_journal_refused (&progress->journal, progress->envelope->first + i,
                            another ? MSUB_NOT_ACCEPTED : msub_smtp_last (smtp)->code, words, err))
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

int
msub_progress_dot (struct msub_progress *progress, struct msub_error *err)
{
  return msub_journal_dot (&progress->journal, progress->envelope->first, progress->envelope->count, err);
}

int
msub_progress_interrupted (struct msub_smtp *smtp, struct msub_error *err)
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
