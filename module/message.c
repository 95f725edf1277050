/* message.c --- the message on its way to the server, and the answer to it: DATA or BDAT (RFC 5321 section 3.3, RFC 3030).

   Floor 8.  SPDX-License-Identifier: GPL-3.0-or-later  */

#define _GNU_SOURCE
#include "message.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define READ_OCTETS 16384

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
  ssize_t n = msub_wait_read_file (smtp->c->context, source->fd, source->raw, sizeof source->raw,
                                   msub_wait_file_deadline (smtp->step_msecs), err);
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

int
msub_message_put (struct msub_smtp *smtp, bool binary, int fd, const struct msub_body_facts *facts, struct msub_error *err)
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
  struct msub_progress *progress;
  bool bdat;
  uint64_t total, sent, acknowledged;
  uint64_t acknowledged_before; /* of all that the connection has carried */
  msub_time reported;
  size_t length;
  char block[MSUB_BLOCK_OCTETS];
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

int
msub_message_stuck (const struct msub_smtp *smtp, uint64_t before, struct msub_error *err)
{
  const struct msub_connection *c = smtp->c;
  if (err->kind != MSUB_TIMEOUT || msub_connection_unacknowledged (c) <= MSUB_SHORT_PACKET
      || msub_connection_acknowledged (c) != before)
    return -1;
  *err = (struct msub_error) { .about = "long-packets" };
  return msub_fail (err, MSUB_TIMEOUT,
                    "%s has acknowledged nothing of the message in %g s, though it has answered before: long packets do not "
                    "get through (MTU of a VPN or a DSL line?). The message was not delivered",
                    c->peer.text, c->patience_msecs / 1000.0);
}

/* The server has broken off, or is silent, before it has taken any BDAT, and nothing counts yet: another session, without.  */
static int
no_chunk_taken (struct stream *stream, struct msub_error *err)
{
  struct msub_error why = *err;
  struct msub_progress *progress = stream->progress;
  msub_progress_unanswered (progress, stream->smtp, "CHUNKING", err);
  if (!progress->suspect)
    return -1;
  progress->offer = progress->suspect;
  progress->unheard = true;
  *err = (struct msub_error) { 0 };
  return msub_fail (err, why.kind, "%s does not take BDAT (%s)", stream->smtp->c->peer.text, why.text);
}

/* The last reply, in the middle of a message by BDAT: was it BDAT that it refused?  */
static int
broken_off (struct stream *stream, struct msub_error *err)
{
  struct msub_smtp *smtp = stream->smtp;
  msub_progress_interrupted (smtp, err);
  if (stream->bdat && err->code && msub_smtp_about_chunking (msub_smtp_last (smtp)))
    stream->progress->offer = "CHUNKING";
  if (stream->bdat && smtp->chunking_untried)
    return no_chunk_taken (stream, err);
  return stream->bdat ? msub_progress_unanswered (stream->progress, smtp, "CHUNKING", err) : -1;
}

/* Send the block but its last REST octets.  */
static int
send_block_but (struct stream *stream, size_t rest, struct msub_error *err)
{
  struct msub_smtp *smtp = stream->smtp;
  size_t length = stream->length - rest;
  int sent = msub_connection_stream (smtp->c, stream->block, length, msub_smtp_usecs (smtp, MSUB_BLOCK_SECONDS), err);
  if (sent < 0 && err->kind != MSUB_LOST && err->kind != MSUB_TLS)
    return msub_message_stuck (smtp, stream->acknowledged_before, err);
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
  if (stream->sent + stream->length <= MSUB_SHORT_PACKET)
    return 0;
  if (send_block_but (stream, end, err))
    return -1;
  int settled = msub_connection_settle (smtp->c, true, msub_smtp_usecs (smtp, MSUB_BLOCK_SECONDS), err);
  if (settled == 0)
    return broken_off (stream, err);
  return settled < 0 ? msub_message_stuck (smtp, stream->acknowledged_before, err) : 0;
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

static int
append_bdat (struct stream *stream, uint64_t octets, bool last, struct msub_error *err)
{
  char command[64];
  int n = snprintf (command, sizeof command, "BDAT %" PRIu64 "%s\r\n", octets, last ? " LAST" : "");
  msub_smtp_trace (stream->smtp, "C", command, (size_t) n - 2);
  return append (stream, command, (size_t) n, err);
}

/* All of the message is out as a chunk that is not the last one.  If the server takes that, say that it was: it counts from
   then on.  */
static int
close_first_chunk (struct stream *stream, struct msub_error *err)
{
  struct msub_smtp *smtp = stream->smtp;
  if (send_block (stream, err))
    return -1;
  if (msub_smtp_read (smtp, msub_smtp_deadline (smtp, MSUB_BLOCK_SECONDS), err))
    return no_chunk_taken (stream, err);
  if (msub_smtp_last (smtp)->code / 100 == 2 && !msub_smtp_leaves (smtp))
    {
      smtp->chunking_untried = false;
      stream->progress->chunk_taken = true;
      return append_bdat (stream, 0, true, err);
    }
  if (msub_smtp_leaves (smtp))
    stream->progress->suspect = "CHUNKING";
  if (msub_smtp_about_chunking (msub_smtp_last (smtp)))
    {
      stream->progress->offer = "CHUNKING";
      stream->progress->chunk_out = true;
    }
  msub_smtp_failed (smtp, MSUB_REFUSED, "dot", "the message", err);
  smtp->in_message = false;
  smtp->settled = smtp->dirty = true;
  return -1;
}

/* The answer came, and something behind it: farewells are nothing to worry about, but a reply more than there were commands
   says that an earlier one was taken for the answer to the message (SECURITY: B7, I7).  What comes later still is not waited
   for: who can say a reply too many inside this connection can as well say 250 and throw the message away.  */
static int
spoken_after (struct msub_smtp *smtp, struct msub_error *err)
{
  struct msub_error ignored = { 0 };
  smtp->settled = false;
  if (msub_smtp_read (smtp, msub_smtp_deadline (smtp, MSUB_MOMENT), &ignored) || msub_smtp_leaves (smtp))
    return 0;
  char words[400];
  msub_reply_words (msub_smtp_shown (smtp), words, sizeof words);
  return msub_fail (err, MSUB_PROTOCOL, "%s gave one answer too many: %s", smtp->c->peer.text, words);
}

int
msub_message_answer (struct msub_smtp *smtp, bool in_flight, bool bdat, struct msub_progress *progress,
                     struct msub_error *err)
{
  if (msub_smtp_read (smtp, msub_smtp_deadline (smtp, MSUB_FINAL_SECONDS), err))
    return bdat ? msub_progress_unanswered (progress, smtp, "CHUNKING", err) : -1;
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
  bool about_it = bdat && msub_smtp_about_chunking (reply), unkept = about_it && !progress->chunk_taken;
  if ((bdat && code == 421) || (about_it && progress->chunk_taken))
    progress->suspect = "CHUNKING";
  if (unkept)
    progress->offer = "CHUNKING";
  progress->chunk_out = unkept;
  if (!progress->offer && msub_smtp_unkept_by_message (smtp, progress->envelope, progress->facts))
    {
      progress->offer = "8BITMIME";
      smtp->dirty = true;
    }
  bool shifted = in_flight && !unkept && msub_connection_unread (smtp->c) && spoken_after (smtp, err);
  /* To some each chunk is a message (SECURITY: I17).  */
  if (about_it && progress->chunk_taken)
    shifted = msub_fail (err, MSUB_PROTOCOL, "%s took the message and refused its end: %s", smtp->c->peer.text, words) != 0;
  progress->in_doubt = shifted || (code < 400 && code / 10 != 25);
  if (!progress->in_doubt && code < 400)
    {
      msub_journal_reply (&progress->journal, code, words);
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

/* The message, after a 354, or as one BDAT chunk; where that is untried, as one and an empty last one.  */
static int
stream_message (struct stream *stream, bool bdat, const struct msub_body_facts *facts, struct msub_error *err)
{
  struct msub_smtp *smtp = stream->smtp;
  bool untried = bdat && smtp->chunking_untried;
  if (bdat && append_bdat (stream, stream->total, !untried, err))
    return -1;
  static const char dot[] = ".\r\n";
  size_t end = bdat ? 1 : sizeof dot - 1;
  if (send_body (stream, facts, err))
    return -1;
  /* The dot stays together.  */
  if (!bdat && ((stream->length + end > sizeof stream->block && send_block (stream, err)) || append (stream, dot, end, err)))
    return -1;
  if (send_all_but_end (stream, end, err) || (untried && close_first_chunk (stream, err)))
    return -1;
  smtp->c->endures = true;
  if (msub_progress_dot (stream->progress, err) || send_block (stream, err))
    return -1;
  stream->progress->in_doubt = true;
  if (msub_message_answer (smtp, false, bdat, stream->progress, err))
    return -1;
  report_progress (stream, true);
  return 0;
}

int
msub_message_send (struct msub_smtp *smtp, bool binary, bool bdat, int fd, const struct msub_body_facts *facts,
                   struct msub_progress *progress, struct msub_error *err)
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
