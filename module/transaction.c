/* transaction.c --- the envelope and the message: MAIL, RCPT, DATA or BDAT (RFC 5321 section 3.3, RFC 2920, RFC 3030).

   Floor 9.  SPDX-License-Identifier: GPL-3.0-or-later  */

#define _GNU_SOURCE
#include "transaction.h"
#include "parts.h"
#include "message.h"

#include <stdlib.h>
#include <string.h>

#define RECIPIENTS_PER_FLIGHT 100 /* so that their replies fit into the receive buffers */

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
                        const struct msub_body_facts *facts, enum closing closing, struct msub_progress *progress,
                        struct msub_error *err)
{
  if (msub_smtp_silence (smtp, err) || msub_smtp_put_mail (smtp, envelope, facts, err)
      || msub_smtp_exchange (smtp, MSUB_MAIL_SECONDS, err))
    return -1;
  if (msub_progress_mail (smtp, progress, err))
    {
      smtp->settled = smtp->dirty = progress->offer != NULL;
      return -1;
    }
  for (size_t i = 0; i < envelope->count; i++)
    if (msub_smtp_silence (smtp, err) || msub_smtp_put_recipient (smtp, envelope, i, err)
        || msub_smtp_exchange (smtp, MSUB_RCPT_SECONDS, err) || msub_progress_recipient (smtp, i, progress, err))
      return -1;
  if (progress->accepted == 0 || closing == NOTHING)
    return 0;
  if (msub_smtp_silence (smtp, err) || msub_smtp_command (smtp, err, "DATA"))
    return -1;
  return msub_smtp_exchange (smtp, MSUB_DATA_SECONDS, err);
}

static int
read_flight_replies (struct msub_smtp *smtp, size_t first, size_t last, struct msub_progress *progress,
                     struct msub_error *err)
{
  const char *offers = progress->in_doubt ? "PIPELINING,CHUNKING" : "PIPELINING";
  if (first == 0 && msub_smtp_read (smtp, msub_smtp_deadline (smtp, MSUB_MAIL_SECONDS), err))
    return msub_progress_unanswered (progress, smtp, offers, err);
  if (first == 0 && msub_progress_mail (smtp, progress, err))
    return -1;
  int seconds = progress->sender.kind == MSUB_OK ? MSUB_RCPT_SECONDS : MSUB_REST_SECONDS;
  for (size_t i = first; i < last; i++)
    {
      if (msub_smtp_read (smtp, msub_smtp_deadline (smtp, seconds), err))
        return msub_progress_unanswered (progress, smtp, offers, err);
      if (msub_progress_recipient (smtp, i, progress, err))
        return -1;
    }
  return 0;
}

/* Send the flight.  A chunk's last octet comes when all before it has arrived, as at the end of any message.  */
static int
send_flight (struct msub_smtp *smtp, enum closing end, struct msub_progress *progress, struct msub_error *err)
{
  int seconds = end == BDAT ? MSUB_BLOCK_SECONDS : MSUB_RCPT_SECONDS;
  bool apart = end == BDAT && smtp->c->out_length > MSUB_SHORT_PACKET;
  uint64_t before = msub_connection_acknowledged (smtp->c);
  smtp->in_message = end == BDAT;
  if (apart
      && (msub_connection_flush_but (smtp->c, 1, msub_smtp_deadline (smtp, seconds), err)
          || msub_connection_settle (smtp->c, false, msub_smtp_usecs (smtp, seconds), err) < 0))
    {
      smtp->c->out_length = 0;
      return msub_message_stuck (smtp, before, err);
    }
  if (end == BDAT && msub_progress_dot (progress, err))
    return -1;
  smtp->c->endures = end == BDAT;
  return msub_connection_flush (smtp->c, msub_smtp_deadline (smtp, seconds), err);
}

static int
put_closing (struct msub_smtp *smtp, enum closing closing, bool binary, int fd, const struct msub_body_facts *facts,
             struct msub_error *err)
{
  if (closing == DATA)
    return msub_smtp_command (smtp, err, "DATA");
  return closing == BDAT ? msub_message_put (smtp, binary, fd, facts, err) : 0;
}

/* No answer came to DATA.  Who has refused all recipients has said all there is to say: some leave then (Exim's "drop").  */
static int
data_unanswered (const struct msub_smtp *smtp, struct msub_progress *progress, struct msub_error *err)
{
  bool silent = err->kind == MSUB_LOST || err->kind == MSUB_TLS || err->kind == MSUB_TIMEOUT;
  if (!silent || progress->refused < progress->envelope->count)
    return msub_progress_unanswered (progress, smtp, "PIPELINING", err);
  *err = progress->refusal;
  return -1;
}

/* MAIL, all RCPTs and what closes them in as few flights as may be (RFC 2920): replies belong to commands in order.  */
static int
send_envelope_in_flights (struct msub_smtp *smtp, const struct msub_envelope *envelope, int fd,
                          const struct msub_body_facts *facts, enum closing closing, struct msub_progress *progress,
                          struct msub_error *err)
{
  for (size_t i = 0; i < envelope->count;)
    {
      size_t first = i, last = i + RECIPIENTS_PER_FLIGHT < envelope->count ? i + RECIPIENTS_PER_FLIGHT : envelope->count;
      enum closing end = last == envelope->count ? closing : NOTHING;
      if (msub_smtp_silence (smtp, err) || (first == 0 && msub_smtp_put_mail (smtp, envelope, facts, err)))
        return -1;
      for (; i < last; i++)
        if (msub_smtp_put_recipient (smtp, envelope, i, err))
          return -1;
      progress->in_flight = end == BDAT;
      if (put_closing (smtp, end, msub_smtp_sends_binary (smtp, envelope), fd, facts, err))
        return -1;
      if (send_flight (smtp, end, progress, err))
        return err->kind == MSUB_LOST || err->kind == MSUB_TLS ? msub_progress_interrupted (smtp, err) : -1;
      progress->in_doubt = end == BDAT;
      if (read_flight_replies (smtp, first, last, progress, err))
        return -1;
      if (end == DATA && msub_smtp_read (smtp, msub_smtp_deadline (smtp, MSUB_DATA_SECONDS), err))
        return data_unanswered (smtp, progress, err);
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
  /* A long message waits until somebody will have it, and each one where it may be lost.  */
  return smtp->caps.pipelining && !smtp->chunking_untried && facts->raw_octets <= MSUB_BLOCK_OCTETS / 2 ? BDAT : NOTHING;
}

/* Must the message wait until every recipient is known to be accepted?  */
static bool
waits_for_all (const struct msub_envelope *envelope)
{
  return envelope->all_or_none && envelope->count > 1;
}

static int
nobody_accepted (struct msub_smtp *smtp, enum closing closing, const struct msub_progress *progress, struct msub_error *err)
{
  struct msub_error ignored = { 0 };
  /* DATA was in the flight: a server that says 354 all the same gets a lone dot (RFC 2920 section 3.1).  */
  bool waits = closing == DATA && msub_smtp_last (smtp)->code == 354;
  smtp->settled = !waits
                  || (msub_smtp_put (smtp, ".", NULL, &ignored) == 0
                      && msub_smtp_exchange (smtp, MSUB_REST_SECONDS, &ignored) == 0);
  smtp->dirty = true;
  *err = progress->sender.kind != MSUB_OK ? progress->sender : progress->refusal;
  return -1;
}

/* The sender or all recipients are refused, and the message is out, by BDAT: it has to be refused as well.  */
static int
refused_in_flight (struct msub_smtp *smtp, struct msub_progress *progress, struct msub_error *err)
{
  if (msub_smtp_read (smtp, msub_smtp_deadline (smtp, MSUB_REST_SECONDS), err))
    return -1;
  if (msub_smtp_last (smtp)->code < 400 && !msub_smtp_leaves (smtp))
    return msub_progress_contradiction (smtp, "the message", err);
  smtp->in_message = progress->in_doubt = false;
  smtp->settled = smtp->dirty = progress->chunk_out = true;
  *err = progress->sender.kind != MSUB_OK ? progress->sender : progress->refusal;
  return -1;
}

/* One of them is refused for good: nobody gets the message.  */
static int
leave_all_out (struct msub_smtp *smtp, const struct msub_progress *progress, struct msub_error *err)
{
  smtp->settled = smtp->dirty = true;
  *err = progress->no_for_good.kind != MSUB_OK ? progress->no_for_good : progress->refusal;
  return -1;
}

static int
transact_noting (struct msub_smtp *smtp, int fd, const struct msub_body_facts *facts, struct msub_progress *progress,
                 struct msub_error *err)
{
  const struct msub_envelope *envelope = progress->envelope;
  enum closing closing = waits_for_all (envelope) ? NOTHING : choose_closing (smtp, facts);
  bool flights = smtp->caps.pipelining;
  smtp->settled = smtp->c->endures = false;
  if (flights ? send_envelope_in_flights (smtp, envelope, fd, facts, closing, progress, err)
              : send_envelope_in_steps (smtp, envelope, facts, closing, progress, err))
    return -1;
  if (progress->accepted == 0)
    return progress->in_doubt ? refused_in_flight (smtp, progress, err)
                              : nobody_accepted (smtp, flights ? closing : NOTHING, progress, err);
  if (waits_for_all (envelope))
    {
      if (progress->no_for_good.kind != MSUB_OK || progress->session_over)
        return leave_all_out (smtp, progress, err);
      if (!smtp->caps.chunking
          && (msub_smtp_silence (smtp, err) || msub_smtp_command (smtp, err, "DATA")
              || msub_smtp_exchange (smtp, MSUB_DATA_SECONDS, err)))
        return -1;
      closing = smtp->caps.chunking ? NOTHING : DATA;
    }
  if (closing == BDAT)
    return msub_message_answer (smtp, true, true, progress, err);
  if (closing == DATA && msub_smtp_last (smtp)->code != 354)
    {
      const struct msub_reply *reply = msub_smtp_last (smtp);
      if (flights && !waits_for_all (envelope) && (msub_smtp_about_command (reply) || msub_smtp_about_pipelining (reply)))
        progress->offer = "PIPELINING";
      smtp->settled = smtp->dirty = progress->offer != NULL;
      return msub_smtp_failed (smtp, MSUB_REFUSED, "data", "DATA", err);
    }
  return msub_message_send (smtp, msub_smtp_sends_binary (smtp, envelope), closing == NOTHING, fd, facts, progress, err);
}

/* Of a flight with the message in it an answer was none of ours, so whose those to the recipients were is not known.  */
static void
forget_answers (const struct msub_smtp *smtp, const struct msub_envelope *envelope)
{
  for (size_t i = 0; i < envelope->count; i++)
    {
      struct msub_event *event = msub_event_new (MSUB_EVENT_RECIPIENT);
      msub_event_text (event, "address", envelope->recipients[i]);
      msub_event_integer (event, "code", 0);
      msub_event_text (event, "text", "It is not known which of the server's answers was about this recipient");
      msub_event_text (event, "kind", msub_kind_name (MSUB_UNCERTAIN));
      msub_emit (smtp->c->context, event);
    }
}

/* Everything has left, and what came (ERR) is not the answer to the message: nobody knows.  Here alone that becomes
   MSUB_UNCERTAIN.  Definite is what the server itself has said no to, as far as it then said nothing else: the sender; all
   recipients; or, taking its leave, everything (421, and the end of the connection).  */
static void
doubt (const struct msub_smtp *smtp, const struct msub_progress *progress, struct msub_error *err)
{
  struct msub_error why = *err;
  bool nonsense = why.kind == MSUB_PROTOCOL, gone = why.kind == MSUB_LOST || why.kind == MSUB_TLS;
  bool nobody = progress->refused + progress->postponed == progress->envelope->count;
  const struct msub_error *no = progress->sender.kind != MSUB_OK ? &progress->sender : nobody ? &progress->refusal
                                : gone ? &progress->farewell : NULL;
  *err = (struct msub_error) { 0 };
  if (nonsense && progress->in_flight)
    forget_answers (smtp, progress->envelope);
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
  if (asked
      && (msub_smtp_command (smtp, &ignored, "RSET")
          || msub_connection_flush (smtp->c, msub_smtp_deadline (smtp, MSUB_REST_SECONDS), &ignored)))
    return MSUB_AGAIN_ELSEWHERE;
  for (;;)
    {
      if (msub_smtp_read (smtp, msub_smtp_deadline (smtp, asked ? MSUB_REST_SECONDS : MSUB_MOMENT), &ignored))
        return MSUB_AGAIN_ELSEWHERE;
      int code = msub_smtp_last (smtp)->code;
      if (asked && code == 250 && !msub_connection_unread (smtp->c))
        break;
      if (msub_smtp_farewell (code))
        return MSUB_AGAIN_ELSEWHERE;
      if (code < 400)
        {
          *err = (struct msub_error) { 0 };
          return msub_progress_contradiction (smtp, "something", err);
        }
      refused_more = true;
    }
  smtp->dirty = false;
  return refused_more ? MSUB_AGAIN_ELSEWHERE : MSUB_AGAIN_HERE;
}

/* What was offered and refused can be done without: how?  A server that says no and closes the connection says it, too.  */
static int
find_way_on (struct msub_smtp *smtp, const struct msub_progress *progress, struct msub_transaction *transaction,
             struct msub_error *err)
{
  bool gone = !progress->in_doubt && (err->kind == MSUB_LOST || err->kind == MSUB_TLS);
  bool definite = progress->unheard || gone || err->kind == MSUB_REFUSED || err->kind == MSUB_DEFERRED;
  if (!progress->offer || !definite || msub_smtp_farewell (err->code))
    return 0;
  int way = progress->chunk_out ? resynchronize (smtp, err)
            : smtp->settled && !gone ? MSUB_AGAIN_HERE : MSUB_AGAIN_ELSEWHERE;
  if (way < 0)
    return -1;
  transaction->again = (enum msub_again) way;
  return 0;
}

/* Some count the recipients when the message is there (Amazon SES does), and refuse it as a whole: nobody has it, and half of
   them at once may do.  Where all are to have it or nobody, that is the answer.  */
static bool
halve (struct msub_smtp *smtp, const struct msub_progress *progress, const struct msub_error *err)
{
  bool asked = err->step && (strcmp (err->step, "data") == 0 || strcmp (err->step, "dot") == 0);
  bool refused = !progress->in_doubt && (err->kind == MSUB_REFUSED || err->kind == MSUB_DEFERRED);
  if (!asked || !refused || progress->chunk_out || smtp->in_message || msub_smtp_spent (smtp) || progress->accepted < 2
      || progress->envelope->all_or_none || !msub_smtp_about_number_at_last (msub_smtp_last (smtp)))
    return false;
  smtp->caps.recipients_max = (unsigned) (progress->accepted / 2);
  smtp->settled = smtp->dirty = true;
  return true;
}

/* This session has had mail enough, and nobody has the message: another one may take it.  */
static bool
session_over (const struct msub_smtp *smtp, const struct msub_progress *progress, const struct msub_error *err)
{
  bool refused = err->kind == MSUB_REFUSED || err->kind == MSUB_DEFERRED;
  bool asked = !progress->in_doubt && err->step && (strcmp (err->step, "data") == 0 || strcmp (err->step, "dot") == 0);
  return refused && (progress->session_over || (asked && msub_smtp_about_session (smtp)));
}

/* A server that leaves may have had enough of recipients that it does not know: who tries again has to hear of them.  */
static void
tell_refused (const struct msub_progress *progress, struct msub_error *err)
{
  char words[MSUB_TEXT_MAX];
  bool left = msub_smtp_farewell (err->code) || err->kind == MSUB_LOST || err->kind == MSUB_TLS;
  if (!left || progress->no_for_good.kind == MSUB_OK)
    return;
  msub_text_format (words, sizeof words, "Before that, %s", progress->no_for_good.text);
  msub_error_add (err, words);
  err->about = "recipients";
}

/* The code of what was refused, or was not taken at all: an answer that makes no sense may be a yes to something else, and is none
   to the message.  */
static int
code_of_no (const struct msub_error *err)
{
  return err->code >= 400 ? err->code : MSUB_NOT_ACCEPTED;
}

/* One transaction, and in the journal how it ended, unless nobody knows.  */
static int
transact (struct msub_smtp *smtp, const struct msub_envelope *envelope, int fd, const struct msub_body_facts *facts,
          bool *open, struct msub_transaction *transaction_r, struct msub_error *err)
{
  struct msub_progress progress
    = { .envelope = envelope, .facts = facts, .open = open, .journal = { .file = envelope->journal } };
  int result = transact_noting (smtp, fd, facts, &progress, err);
  if (result && progress.in_doubt)
    doubt (smtp, &progress, err);
  bool over = result && session_over (smtp, &progress, err);
  if (over || (result && halve (smtp, &progress, err)))
    {
      transaction_r->again = over ? MSUB_AGAIN_ANOTHER : MSUB_AGAIN_FEWER;
      progress.offer = progress.suspect = NULL;
    }
  else if (result && !progress.in_doubt && find_way_on (smtp, &progress, transaction_r, err))
    doubt (smtp, &progress, err);
  int code = transaction_r->again ? MSUB_NOT_ACCEPTED : code_of_no (err);
  if (result && !transaction_r->again)
    tell_refused (&progress, err);
  if (result && err->kind != MSUB_UNCERTAIN)
    msub_journal_reply (&progress.journal, code, err->text);
  transaction_r->accepted = progress.accepted;
  transaction_r->refused = progress.refused;
  transaction_r->at_mail = progress.at_mail;
  transaction_r->offer = !result || transaction_r->again ? progress.offer : progress.suspect;
  msub_journal_clear (&progress.journal);
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
        msub_event_integer (event, "code", code_of_no (err));
        msub_event_text (event, "enhanced", err->enhanced);
        msub_event_text (event, "text", err->text);
        if (err->code < 400) /* no server has said so */
          msub_event_text (event, "kind", msub_kind_name (err->kind));
        else if (err->said[0]) /* the text has words of ours, too */
          msub_event_list (event, "said", err->said);
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

/* The transaction before has ended, but nobody was accepted in it: the server may still wait for its message; AT_MAIL: it
   cannot, so RSET is for one that is muddled.  */
static int
begin_anew (struct msub_smtp *smtp, bool at_mail, struct msub_error *err)
{
  if (!smtp->dirty)
    return 0;
  if (msub_smtp_silence (smtp, err) || msub_smtp_command (smtp, err, "RSET")
      || msub_smtp_exchange (smtp, MSUB_MAIL_SECONDS, err))
    return -1;
  smtp->dirty = false;
  int code = msub_smtp_last (smtp)->code;
  return code == 250 || (at_mail && code / 100 == 5) ? 0 : msub_smtp_failed (smtp, MSUB_REFUSED, "any", "RSET", err);
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
  struct msub_envelope part = msub_smtp_next_part (smtp, envelope, whole->open);
  bool *open = whole->open + (part.first - envelope->first);
  struct msub_transaction transaction = { 0 };
  if (begin_anew (smtp, whole->at_mail, err))
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
      whole->another = whole->another && transaction.accepted == 0;
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
  bool fewer = transaction.again == MSUB_AGAIN_FEWER;
  bool another = transaction.again == MSUB_AGAIN_ANOTHER && !whole->another;
  if (fewer || transaction.again == MSUB_AGAIN_ANOTHER)
    whole->again = MSUB_AGAIN_NOT;
  whole->fewer = whole->fewer || fewer;
  if (another)
    {
      whole->another = true;
      smtp->caps.mails_max = smtp->mails;
    }
  if (fewer || another || (failed && all_refused && !transaction.again && err->kind != MSUB_UNCERTAIN))
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
  if (msub_smtp_check_offer (smtp, envelope, facts, err))
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
        /* Who has refused so many, and closes the connection, has said why.  */
        if (transaction->accepted == 0 && transaction->fewer && (err->kind == MSUB_LOST || err->kind == MSUB_TLS))
          *err = refusal;
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
