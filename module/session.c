/* session.c --- delivering one message: the straight line from a file to the server's 250.

   Floor 10.  SPDX-License-Identifier: GPL-3.0-or-later  */

#define _GNU_SOURCE
#include "session.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Lisp encodes a message anew.  */
#define ANSWER_MSECS (10 * 60 * 1000)

/* The message and the envelope, looked at before anything is connected */

static int
scan (const struct msub_context *context, const struct msub_request *request, int fd, struct msub_body_facts *facts_r,
      struct msub_error *err)
{
  struct msub_body body;
  msub_body_reset (&body, false);
  char raw[65536];
  ssize_t n;
  while ((n = msub_wait_read_file (context, fd, raw, sizeof raw, msub_wait_file_deadline (request->step_timeout_msecs), err)) > 0)
    msub_body_encode (&body, raw, (size_t) n, NULL);
  if (n < 0)
    return -1;
  msub_body_finish (&body, NULL);
  *facts_r = body.facts;
  return 0;
}

struct opening
{
  struct msub_errand errand;
  char *file;
  int fd, errnum;
  bool regular;
};

static void
open_file (struct msub_errand *errand)
{
  struct opening *opening = (struct opening *) errand;
  struct stat status;
  /* It is looked at first, because to open a FIFO is to wait for somebody.  */
  if (stat (opening->file, &status)
      || (S_ISREG (status.st_mode)
          && ((opening->fd = open (opening->file, O_RDONLY | O_CLOEXEC)) < 0 || fstat (opening->fd, &status))))
    opening->errnum = errno;
  else
    opening->regular = opening->fd >= 0 && S_ISREG (status.st_mode);
}

static void
opening_late (struct msub_errand *errand, struct msub_error *err)
{
  msub_fail (err, MSUB_TIMEOUT, "The message %s could not be opened in time: is the disk it is on away? It was not sent",
             ((struct opening *) errand)->file);
}

static void
opening_dispose (struct msub_errand *errand)
{
  struct opening *opening = (struct opening *) errand;
  if (opening->fd >= 0)
    close (opening->fd);
  free (opening->file);
  free (opening);
}

static struct opening *
opening_new (const char *file)
{
  struct opening *opening = calloc (1, sizeof *opening);
  if (!opening)
    return NULL;
  *opening = (struct opening) { .errand = { open_file, opening_late, opening_dispose }, .file = strdup (file), .fd = -1 };
  if (opening->file)
    return opening;
  free (opening);
  return NULL;
}

/* Returns the descriptor of FILE, a regular file.  */
static int
open_regular (const struct msub_context *context, const char *file, msub_time deadline, struct msub_error *err)
{
  struct opening *opening = opening_new (file);
  if (!opening)
    return msub_fail (err, MSUB_INTERNAL, "Out of memory");
  if (msub_wait_errand (context, &opening->errand, deadline, err))
    return -1;
  int fd = -1;
  if (opening->regular)
    {
      fd = opening->fd;
      opening->fd = -1;
    }
  else if (opening->errnum)
    msub_fail_errno (err, MSUB_MESSAGE, opening->errnum, "The message %s cannot be opened", file);
  else
    msub_fail (err, MSUB_MESSAGE, "The message %s is not a regular file", file);
  opening_dispose (&opening->errand);
  return fd;
}

/* Open the message FILE, so that it can be deleted or replaced from now on without harm.  Returns the descriptor.  */
static int
open_message (const struct msub_context *context, const struct msub_request *request, const char *file,
              struct msub_body_facts *facts_r, struct msub_error *err)
{
  int fd = open_regular (context, file, msub_wait_file_deadline (request->step_timeout_msecs), err);
  if (fd < 0)
    return -1;
  if (scan (context, request, fd, facts_r, err) == 0)
    {
      if (facts_r->octets == 0)
        msub_fail (err, MSUB_MESSAGE, "The message is empty");
      else if (facts_r->first_nul && !request->envelope.extensions.binary)
        msub_fail (err, MSUB_MESSAGE,
                   "Line %llu of the message holds a NUL octet, which mail cannot carry; send it as an attachment (base64)",
                   (unsigned long long) facts_r->first_nul);
    }
  if (err->kind == MSUB_OK)
    return fd;
  close (fd);
  return -1;
}

/* The transaction */

/* Have Lisp, which knows MIME, encode the message anew: WHAT of it, "lines" that are too long, its "header", or all of it as
   "seven-bit".  *FD and FACTS become those of the file it answers with.  Returns 1 when it has none: that would do harm.  */
static int
ask_encoded (const struct msub_context *context, struct msub_request *request, const char *what, int *fd,
             struct msub_body_facts *facts, struct msub_error *err)
{
  struct msub_event *event = msub_event_new (MSUB_EVENT_ASK);
  msub_event_text (event, "what", what);
  struct msub_answer answer;
  if (msub_wait_ask (context, event, msub_now () + MSUB_MSECS (ANSWER_MSECS), &answer, err))
    return -1;
  struct msub_body_facts encoded_facts;
  int encoded = answer.text ? open_message (context, request, answer.text, &encoded_facts, err) : -1;
  msub_answer_free (&answer);
  if (encoded < 0)
    return err->kind == MSUB_OK ? 1 : -1;
  close (*fd);
  *fd = encoded;
  *facts = encoded_facts;
  return 0;
}

/* A server may cut a line that is too long, or refuse it: none leaves (SECURITY: J8).  */
static int
mend_lines (const struct msub_context *context, struct msub_request *request, int *fd, struct msub_body_facts *facts,
            struct msub_error *err)
{
  if (request->envelope.extensions.binary || facts->first_long == 0)
    return 0;
  uint64_t line = facts->first_long;
  if (ask_encoded (context, request, "lines", fd, facts, err) < 0)
    return -1;
  if (facts->first_long == 0)
    return 0;
  return msub_fail (err, MSUB_MESSAGE,
                    "Line %llu of the message has more than %d bytes, which mail cannot carry, and it cannot be encoded: that "
                    "would break a signature, or there is no place to fold it. It was not sent; break the line",
                    (unsigned long long) line, MSUB_BODY_LINE_MAX);
}

/* The header goes in ASCII where that can be done: with SMTPUTF8 the next hop, which may not take that, would send it back
   (SECURITY: J8, J13).  An address beyond ASCII needs it anyway.  Where the whole is encoded, the header is, too.  */
static int
encode_for (struct msub_server *server, const struct msub_context *context, struct msub_request *request, int *fd,
            struct msub_body_facts *facts, struct msub_error *err)
{
  if (msub_smtp_needs_seven_bit (server->smtp, facts, request->envelope.extensions.binary))
    {
      int none = ask_encoded (context, request, "seven-bit", fd, facts, err);
      request->envelope.extensions.binary = request->envelope.extensions.binary && none != 0;
      return none < 0 ? -1 : 0; /* not encoded: the transaction will say why that is not enough */
    }
  bool takes_it = server->smtp->caps.smtputf8 && !facts->other_header;
  if (!facts->eight_bit_header || (takes_it && msub_envelope_odd_address (&request->envelope)))
    return 0;
  int none = ask_encoded (context, request, "header", fd, facts, err);
  if (none <= 0 || facts->other_header || takes_it)
    return none < 0 ? -1 : 0;
  return msub_fail (err, MSUB_MESSAGE,
                    "%s takes ASCII addresses only (no SMTPUTF8), and there are others in the header. Nothing was sent",
                    server->smtp->c->peer.text);
}

/* The whole */

/* A kept conversation that stays silent before the first answer to the envelope, or says there what is none, was dead already.
   One that breaks before anything of the message has left, that refuses MAIL, takes its leave, wants another log-in, or knows
   of no MAIL, may be what is refused, and not the mail.  */
static bool
was_over (const struct msub_server *server, uint64_t replies, const struct msub_delivery *delivery)
{
  const struct msub_error *err = &delivery->error;
  const struct msub_transaction *transaction = &delivery->transaction;
  bool definite = err->kind == MSUB_REFUSED || err->kind == MSUB_DEFERRED || err->kind == MSUB_AUTH;
  bool gone = err->kind == MSUB_LOST || err->kind == MSUB_TLS, nonsense = err->kind == MSUB_PROTOCOL;
  if (transaction->accepted > 0 || transaction->another)
    return false;
  if (definite && (msub_smtp_farewell (err->code) || err->code == 503 || err->code == 530))
    return true;
  if (transaction->refused > 0)
    return false;
  if ((definite || nonsense) && transaction->at_mail)
    return true;
  return server->smtp
         && ((gone && !server->smtp->in_message)
             || ((gone || nonsense || err->kind == MSUB_TIMEOUT) && server->smtp->replies == replies));
}

static int
send_some (struct msub_server *server, const struct msub_context *context, struct msub_request *request, int *fd,
           struct msub_body_facts *facts, struct msub_delivery *delivery)
{
  /* What was to be tried again is tried now: a failure before the transaction is final.  */
  delivery->transaction.again = MSUB_AGAIN_NOT;
  if (encode_for (server, context, request, fd, facts, &delivery->error))
    return -1;
  return msub_smtp_send (server->smtp, &request->envelope, *fd, facts, &delivery->transaction, &delivery->error);
}

/* Lisp hears of what may cost a message next time, and, where it is to begin another session, of everything.  */
static void
note_left_out (struct msub_delivery *delivery, const char *keyword, int length)
{
  char line[32];
  size_t told = strlen (delivery->left_out);
  snprintf (line, sizeof line, "%.*s\n", length, keyword);
  bool costly = strcmp (line, "CHUNKING\n") == 0 || strcmp (line, "PIPELINING\n") == 0;
  if ((costly || delivery->transaction.again == MSUB_AGAIN_ELSEWHERE) && !strstr (delivery->left_out, line))
    snprintf (delivery->left_out + told, sizeof delivery->left_out - told, "%s", line);
}

/* What REQUEST's server offers, and has not kept, does not count from now on.  */
static int
leave_out (struct msub_server *server, struct msub_request *request, struct msub_delivery *delivery, struct msub_error *err)
{
  const char *offer = delivery->transaction.offer;
  delivery->transaction.offer = NULL;
  if (!offer)
    return 0;
  for (const char *word = offer, *end; *word; word = end + (*end == ','))
    {
      end = word + strcspn (word, ",");
      note_left_out (delivery, word, (int) (end - word));
    }
  char *without = NULL;
  if (asprintf (&without, "%s%s%s", request->without ? request->without : "", request->without ? "," : "", offer) < 0)
    return msub_fail (err, MSUB_INTERNAL, "Out of memory");
  free (request->without);
  request->without = without;
  if (server->smtp)
    {
      server->smtp->without = without;
      msub_capabilities_leave_out (&server->smtp->caps, offer);
    }
  return 0;
}

/* Some have the message, and what is in DELIVERY's error keeps it from the others: that is said of them, and is not the end of
   the whole.  -1: nobody has it.  */
static int
leave_others_out (const struct msub_context *context, const struct msub_request *request, struct msub_delivery *delivery)
{
  if (delivery->transaction.accepted == 0)
    return -1;
  msub_smtp_leave_out (context, &request->envelope, &delivery->transaction, &delivery->error);
  delivery->error = (struct msub_error) { 0 };
  return 0;
}

/* The server takes no more in this session (RFC 9422, MAILMAX), and not everybody has the message: begin another one.  */
static int
go_on_elsewhere (struct msub_server *server, const struct msub_context *context, struct msub_request *request,
                 struct msub_delivery *delivery)
{
  struct msub_error *err = &delivery->error;
  msub_server_close (server);
  if (msub_server_prepare (server, context, request, err) == 0 && msub_server_open (server, context, request, err) == 0)
    return 0;
  leave_others_out (context, request, delivery);
  return -1;
}

/* The server has refused what it offers, and this session is no good any more.  The log-in's secret is gone: Lisp, which has
   it, begins another session.  */
static int
put_off (const struct msub_context *context, const struct msub_request *request, struct msub_delivery *delivery)
{
  struct msub_error *err = &delivery->error;
  err->kind = MSUB_DEFERRED;
  err->about = "offer";
  msub_error_add (err, "It offers that; the message goes without the next time");
  if (delivery->transaction.accepted == 0)
    return -1;
  /* The code is about what is offered, and of no recipient.  */
  err->code = 0;
  err->enhanced[0] = '\0';
  return leave_others_out (context, request, delivery);
}

static int
transact (struct msub_server *server, const struct msub_context *context, struct msub_request *request, int *fd,
          struct msub_body_facts *facts, struct msub_delivery *delivery)
{
  struct msub_error no_memory = { 0 };
  msub_transaction_clear (&delivery->transaction);
  for (;;)
    {
      int failed = send_some (server, context, request, fd, facts, delivery);
      delivery->chunking_kept = request->chunking_untried && server->smtp && !server->smtp->chunking_untried;
      enum msub_again again = failed ? delivery->transaction.again : MSUB_AGAIN_NOT;
      if (leave_out (server, request, delivery, &no_memory))
        again = MSUB_AGAIN_NOT; /* what there is to say of the message comes first */
      if (again == MSUB_AGAIN_ELSEWHERE)
        return put_off (context, request, delivery);
      if (again == MSUB_AGAIN_HERE)
        {
          delivery->error = (struct msub_error) { 0 };
          continue;
        }
      /* Another session's server may not be able to do what the one before could.  */
      if (failed)
        return delivery->error.kind == MSUB_UNCERTAIN ? -1 : leave_others_out (context, request, delivery);
      if (delivery->transaction.left == 0)
        return 0;
      if (go_on_elsewhere (server, context, request, delivery))
        return delivery->error.kind == MSUB_OK ? 0 : -1;
    }
}

static void
deliver (struct msub_server *server, const struct msub_context *context, struct msub_request *request, int *fd,
         struct msub_body_facts *facts, struct msub_delivery *delivery)
{
  struct msub_error *err = &delivery->error;
  if (server->smtp && msub_server_again (server, context, request) == 0)
    {
      uint64_t replies = server->smtp->replies;
      if (transact (server, context, request, fd, facts, delivery) == 0 || !was_over (server, replies, delivery))
        return;
      if (server->smtp)
        msub_smtp_quit (server->smtp);
      msub_smtp_free (&server->smtp);
      *err = (struct msub_error) { 0 };
    }
  if (msub_server_open (server, context, request, err) == 0)
    transact (server, context, request, fd, facts, delivery);
}

bool
msub_session_deliver (const struct msub_context *context, struct msub_request *request, struct msub_server *server,
                      struct msub_delivery *delivery_r)
{
  memset (delivery_r, 0, sizeof *delivery_r);
  struct msub_error *err = &delivery_r->error;
  if (msub_request_check (request, err))
    return msub_server_rest (server, request, err, request->keep_msecs > 0 && request->share);
  if (request->probe)
    {
      struct msub_error ignored = { 0 };
      if (msub_server_prepare (server, context, request, err) == 0
          && msub_server_open (server, context, request, err) == 0 && request->log_in)
        msub_smtp_reset (server->smtp, &ignored);
      msub_wipe_free (&request->password);
      return msub_server_rest (server, request, err, false);
    }
  struct msub_body_facts facts;
  int fd = msub_envelope_check (&request->envelope, err) ? -1 : open_message (context, request, request->file, &facts, err);
  if (fd >= 0)
    {
      if (mend_lines (context, request, &fd, &facts, err) == 0 && msub_server_prepare (server, context, request, err) == 0)
        deliver (server, context, request, &fd, &facts, delivery_r);
      close (fd);
    }
  msub_transaction_clear (&delivery_r->transaction);
  msub_wipe_free (&request->password);
  return msub_server_rest (server, request, err, request->keep_msecs > 0 && request->share);
}
