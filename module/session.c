/* session.c --- delivering one message: the straight line from a file to the server's 250.

   Floor 4.  SPDX-License-Identifier: GPL-3.0-or-later  */

#define _GNU_SOURCE
#include "session.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A person may be at lunch; the held connection will not wait longer than that either.  */
#define ANSWER_MSECS (10 * 60 * 1000)

void
msub_request_clear (struct msub_request *request)
{
  char **const strings[]
    = { &request->host,     &request->name,     &request->ca_file, &request->crl_file, &request->cert_file,
        &request->key_file, &request->priority, &request->pin,     &request->auth,     &request->user,
        &request->helo,     &request->from,     &request->file,
        &request->dsn_return, &request->dsn_id, &request->dsn_notify, &request->deliver_by, &request->hold_for,
        &request->hold_until, &request->priority_level, &request->tunnel_place, &request->tunnel_user,
        &request->source_ipv4, &request->source_ipv6, &request->auth_remembered };
  for (size_t i = 0; i < sizeof strings / sizeof *strings; i++)
    {
      free (*strings[i]);
      *strings[i] = NULL;
    }
  msub_wipe_free (&request->password);
  msub_wipe_free (&request->tunnel_password);
  for (size_t i = 0; i < request->recipient_count; i++)
    free (request->recipients[i]);
  free (request->recipients);
  request->recipients = NULL;
  request->recipient_count = 0;
}

/* The message and the envelope, looked at before anything is connected */

static int
scan (const struct msub_context *context, int fd, struct msub_body_facts *facts_r, struct msub_error *err)
{
  struct msub_body body;
  msub_body_reset (&body, false);
  char raw[65536];
  for (;;)
    {
      ssize_t n = read (fd, raw, sizeof raw);
      if (n < 0 && errno == EINTR)
        continue;
      if (n < 0)
        return msub_fail_errno (err, MSUB_MESSAGE, errno, "The message cannot be read");
      if (n == 0)
        break;
      msub_body_encode (&body, raw, (size_t) n, NULL);
      if (msub_net_cancelled (context, err))
        return -1;
    }
  msub_body_finish (&body, NULL);
  *facts_r = body.facts;
  return 0;
}

/* Open the message FILE, so that it can be deleted or replaced from now on without harm.  Returns the descriptor.  */
static int
open_message (const struct msub_context *context, const struct msub_request *request, const char *file,
              struct msub_body_facts *facts_r, struct msub_error *err)
{
  int fd = open (file, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0)
    return msub_fail_errno (err, MSUB_MESSAGE, errno, "The message %s cannot be opened", file);
  struct stat stat;
  if (fstat (fd, &stat) || !S_ISREG (stat.st_mode))
    msub_fail (err, MSUB_MESSAGE, "The message %s is not a regular file", file);
  else if (scan (context, fd, facts_r, err) == 0)
    {
      if (facts_r->octets == 0)
        msub_fail (err, MSUB_MESSAGE, "The message is empty");
      else if (facts_r->first_nul && !request->binary)
        msub_fail (err, MSUB_MESSAGE,
                   "Line %llu of the message holds a NUL octet, which mail cannot carry; send it as an attachment (base64)",
                   (unsigned long long) facts_r->first_nul);
    }
  if (err->kind == MSUB_OK)
    return fd;
  close (fd);
  return -1;
}

static struct msub_envelope
envelope_of (const struct msub_request *request)
{
  return (struct msub_envelope) {
    .from = request->from,
    .recipients = (const char *const *) request->recipients,
    .count = request->recipient_count,
    .extensions = {
      .require_tls = request->require_tls,
      .dsn_return = request->dsn_return,
      .dsn_id = request->dsn_id,
      .dsn_notify = request->dsn_notify,
      .deliver_by = request->deliver_by,
      .hold_for = request->hold_for,
      .hold_until = request->hold_until,
      .priority = request->priority_level,
      .binary = request->binary,
    },
  };
}

static int
check_envelope (const struct msub_envelope *envelope, struct msub_error *err)
{
  const struct msub_extensions *e = &envelope->extensions;
  const char *const parameters[][2] = {
    { e->dsn_return, "DSN return" },   { e->dsn_notify, "DSN notification" }, { e->deliver_by, "delivery time" },
    { e->hold_for, "time to hold" },   { e->hold_until, "time to hold" },     { e->priority, "priority" },
  };
  if (envelope->count == 0)
    return msub_fail (err, MSUB_MESSAGE, "The message has no recipient");
  if (!msub_smtp_address_fine (envelope->from, err))
    return -1;
  for (size_t i = 0; i < envelope->count; i++)
    {
      if (envelope->recipients[i][0] == '\0')
        return msub_fail (err, MSUB_MESSAGE, "A recipient's address is empty");
      if (!msub_smtp_address_fine (envelope->recipients[i], err))
        return -1;
    }
  for (size_t i = 0; i < sizeof parameters / sizeof *parameters; i++)
    if (parameters[i][0] && !msub_smtp_parameter_fine (parameters[i][0], parameters[i][1], err))
      return -1;
  return 0;
}

/* From the race to a server that has greeted */

/* Before a less preferred port is used, ask, if the user wants to be asked.  */
static int
may_fall_back (const struct msub_context *context, const struct msub_request *request,
               const struct msub_winner *winner, struct msub_error *err)
{
  if (!winner->fallback || !request->ask_fallback)
    return 0;
  struct msub_event *event = msub_event_new (MSUB_EVENT_ASK);
  msub_event_text (event, "what", "fallback");
  msub_event_text (event, "host", request->host);
  msub_event_integer (event, "preferred-port", request->routes[0].port);
  msub_event_integer (event, "port", winner->route.port);
  msub_event_text (event, "address", winner->address.text);
  struct msub_answer answer;
  if (msub_net_ask (context, event, msub_now () + MSUB_MSECS (ANSWER_MSECS), &answer, err))
    return -1;
  bool yes = answer.text && strcmp (answer.text, "yes") == 0;
  msub_answer_free (&answer);
  return yes ? 0
             : msub_fail (err, MSUB_CONNECT, "Port %d of %s cannot be reached, and falling back to port %d was declined",
                          request->routes[0].port, request->host, winner->route.port);
}

/* The name a certificate must be issued for (SECURITY: A16): what the user configured, whatever DNS says.  */
static const char *
certified_name (const struct msub_request *request)
{
  return request->name ? request->name : request->host;
}

/* TLS at once where the route says so, then the greeting.  */
static int
open_conversation (struct msub_smtp *smtp, const struct msub_request *request, const struct msub_tls_trust *trust,
                   enum msub_tls_mode mode, struct msub_error *err)
{
  bool required = request->level == MSUB_LEVEL_REQUIRED;
  if (mode == MSUB_TLS_IMPLICIT && msub_smtp_tls (smtp, trust, certified_name (request), required, err))
    return -1;
  return msub_smtp_greeting (smtp, err);
}

static enum msub_tls_mode
effective_mode (const struct msub_request *request, const struct msub_route *route)
{
  if (route->tls == MSUB_TLS_NONE && request->level == MSUB_LEVEL_REQUIRED)
    return MSUB_TLS_STARTTLS; /* a route never lowers the account's level */
  if (route->tls == MSUB_TLS_STARTTLS && request->level == MSUB_LEVEL_NONE)
    return MSUB_TLS_NONE;
  return route->tls;
}

/* Run the race until somebody greets.  A connection that closes before the first octet lets the race go on; nothing else
   does.  */
static struct msub_smtp *
reach_server (const struct msub_context *context, const struct msub_request *request,
              const struct msub_tls_trust *trust, struct msub_race *race, struct msub_winner *winner_r,
              struct msub_error *err)
{
  bool asked = false;
  for (;;)
    {
      if (msub_race_next (race, winner_r, err))
        return NULL;
      struct msub_connection *c = msub_connection_new (context, winner_r->fd, &winner_r->address);
      struct msub_smtp *smtp = c ? msub_smtp_new (c, request->helo, request->step_timeout_msecs) : NULL;
      if (!smtp)
        {
          msub_fail (err, MSUB_INTERNAL, "Out of memory");
          return NULL;
        }
      if (!asked && may_fall_back (context, request, winner_r, err))
        {
          msub_smtp_free (&smtp);
          return NULL;
        }
      asked = asked || winner_r->fallback;
      enum msub_tls_mode mode = effective_mode (request, &winner_r->route);
      if (open_conversation (smtp, request, trust, mode, err) == 0)
        return smtp;
      bool go_on = msub_smtp_unanswered (smtp, err);
      bool greeted = mode != MSUB_TLS_IMPLICIT || smtp->tls;
      if (go_on)
        msub_race_judge (race, winner_r->attempt, MSUB_CASE_GREETING,
                         "accepted the connection and closed it without a word (a proxy or a middlebox?)");
      else if (err->kind != MSUB_CANCELLED)
        msub_race_judge (race, winner_r->attempt, greeted ? MSUB_CASE_GREETING : MSUB_CASE_TLS, err->text);
      msub_smtp_free (&smtp);
      if (!go_on)
        return NULL;
      *err = (struct msub_error) { 0 };
    }
}

/* EHLO and STARTTLS.  An attempt whose STARTTLS fails has the verdict "tls".  */
static int
introduce (struct msub_smtp *smtp, const struct msub_request *request, const struct msub_tls_trust *trust,
           struct msub_race *race, const struct msub_winner *winner, bool log_in, struct msub_error *err)
{
  bool required = request->level == MSUB_LEVEL_REQUIRED;
  if (msub_smtp_hello (smtp, !required && !log_in, err))
    return -1;
  int failed = msub_smtp_striptls (smtp, certified_name (request), request->starttls_remembered, err);
  if (!failed && effective_mode (request, &winner->route) == MSUB_TLS_STARTTLS)
    failed = msub_smtp_starttls (smtp, trust, certified_name (request), required, required, err);
  if (failed && !smtp->tls && err->kind != MSUB_CANCELLED)
    msub_race_judge (race, winner->attempt, MSUB_CASE_TLS, err->text);
  return failed;
}

/* Credentials */

/* Have Lisp tell the user's name and secret.  REFRESH: the token it told before was refused.  */
static int
ask_secret (const struct msub_context *context, struct msub_request *request, const struct msub_winner *winner,
            const char *mechanism, bool refresh, struct msub_error *err)
{
  struct msub_event *event = msub_event_new (MSUB_EVENT_ASK);
  msub_event_text (event, "what", "password");
  msub_event_text (event, "host", request->host);
  msub_event_integer (event, "port", winner->route.port);
  msub_event_text (event, "user", request->user);
  msub_event_text (event, "mechanism", mechanism);
  msub_event_truth (event, "refresh", refresh);
  struct msub_answer answer;
  if (msub_net_ask (context, event, msub_now () + MSUB_MSECS (ANSWER_MSECS), &answer, err))
    return -1;
  if (!answer.text || !answer.secret)
    {
      msub_answer_free (&answer);
      return msub_fail (err, MSUB_AUTH, "No password was given for %s at %s", request->user, request->host);
    }
  free (request->user);
  request->user = answer.text;
  request->password = answer.secret;
  return 0;
}

static int
log_in_once (const struct msub_context *context, struct msub_request *request, const struct msub_winner *winner,
             struct msub_smtp *smtp, const struct msub_sasl_mechanism *mechanism, bool refresh, struct msub_error *err)
{
  if (mechanism->secret != MSUB_SASL_NOTHING && !request->password
      && ask_secret (context, request, winner, mechanism->name, refresh, err))
    return -1;
  int result = msub_smtp_auth (smtp, mechanism, certified_name (request), request->user, request->password, err);
  msub_wipe_free (&request->password);
  return result;
}

static int
log_in (const struct msub_context *context, struct msub_request *request, const struct msub_winner *winner,
        struct msub_smtp *smtp, struct msub_error *err)
{
  const struct msub_sasl_mechanism *mechanism = msub_smtp_mechanism (smtp, request->auth, request->auth_remembered, err);
  if (!mechanism)
    return -1;
  if (log_in_once (context, request, winner, smtp, mechanism, false, err) == 0)
    return 0;
  /* A token lives for an hour or so: a refused one is worth a fresh one, once.  */
  if (mechanism->secret != MSUB_SASL_TOKEN || err->kind != MSUB_AUTH || err->code / 100 != 5)
    return -1;
  struct msub_error refused = *err;
  *err = (struct msub_error) { 0 };
  if (log_in_once (context, request, winner, smtp, mechanism, true, err) == 0)
    return 0;
  if (err->code == 0 && err->kind == MSUB_AUTH)
    *err = refused;
  return -1;
}

/* The transaction */

/* The server takes 7-bit messages only: have Lisp, which knows MIME, encode this one anew.  *FD and FACTS become those of
   the file it answers with.  */
static int
ask_seven_bit (const struct msub_context *context, const struct msub_request *request, int *fd,
               struct msub_body_facts *facts, struct msub_error *err)
{
  struct msub_event *event = msub_event_new (MSUB_EVENT_ASK);
  msub_event_text (event, "what", "seven-bit");
  struct msub_answer answer;
  if (msub_net_ask (context, event, msub_now () + MSUB_MSECS (ANSWER_MSECS), &answer, err))
    return -1;
  struct msub_body_facts encoded_facts;
  int encoded = answer.text ? open_message (context, request, answer.text, &encoded_facts, err) : -1;
  msub_answer_free (&answer);
  if (encoded < 0)
    return err->kind == MSUB_OK ? 0 : -1; /* not encoded: the transaction will say why that is not enough */
  close (*fd);
  *fd = encoded;
  *facts = encoded_facts;
  return 0;
}

/* The whole */

static void
leave (struct msub_smtp *smtp, const struct msub_request *request, struct msub_delivery *delivery)
{
  enum msub_kind kind = delivery->error.kind;
  bool orderly = kind == MSUB_OK || kind == MSUB_REFUSED || kind == MSUB_DEFERRED || kind == MSUB_AUTH
                 || kind == MSUB_MESSAGE;
  /* Where TLS was to be had and was not, nothing more is said in the clear (SECURITY: A6).  */
  if (orderly && delivery->error.code != 421
      && (smtp->tls || request->level != MSUB_LEVEL_REQUIRED))
    {
      msub_smtp_quit (smtp);
      delivery->farewell = smtp;
    }
  else
    msub_smtp_free (&smtp);
}

static bool
tls_possible (const struct msub_request *request)
{
  for (size_t i = 0; i < request->route_count; i++)
    if (effective_mode (request, &request->routes[i]) != MSUB_TLS_NONE)
      return true;
  return false;
}

static void
deliver (const struct msub_context *context, struct msub_request *request, int *fd, struct msub_body_facts *facts,
         const struct msub_tls_trust *trust, struct msub_delivery *delivery)
{
  struct msub_error *err = &delivery->error;
  bool wants_log_in = request->user && !(request->auth && strcmp (request->auth, "none") == 0);
  struct msub_race_options options = {
    .host = request->host,
    .routes = request->routes,
    .count = request->route_count,
    .raced = request->raced,
    .attempt_delay_msecs = request->attempt_delay_msecs,
    .connect_timeout_msecs = request->connect_timeout_msecs,
    .tunnel = {
      .kind = request->tunnel,
      .place = request->tunnel_place,
      .user = request->tunnel_user,
      .password = request->tunnel_password,
    },
    .source_ipv4 = request->source_ipv4,
    .source_ipv6 = request->source_ipv6,
  };
  struct msub_race *race = msub_race_new (context, &options, err);
  if (!race)
    return;
  struct msub_winner winner;
  struct msub_smtp *smtp = reach_server (context, request, trust, race, &winner, err);
  if (smtp)
    introduce (smtp, request, trust, race, &winner, wants_log_in, err);
  msub_race_free (&race);
  if (!smtp)
    return;
  struct msub_envelope envelope = envelope_of (request);
  if (err->kind == MSUB_OK && wants_log_in)
    log_in (context, request, &winner, smtp, err);
  if (err->kind == MSUB_OK && msub_smtp_needs_seven_bit (smtp, facts))
    ask_seven_bit (context, request, fd, facts, err);
  if (err->kind == MSUB_OK)
    msub_smtp_send (smtp, &envelope, *fd, facts, &delivery->transaction, err);
  leave (smtp, request, delivery);
}

void
msub_session_deliver (const struct msub_context *context, struct msub_request *request,
                      struct msub_delivery *delivery_r)
{
  memset (delivery_r, 0, sizeof *delivery_r);
  struct msub_error *err = &delivery_r->error;
  struct msub_body_facts facts;
  const struct msub_tls_options tls_options = {
    .ca_file = request->ca_file,
    .crl_file = request->crl_file,
    .cert_file = request->cert_file,
    .key_file = request->key_file,
    .priority = request->priority,
    .pin = request->pin,
  };
  struct msub_envelope envelope = envelope_of (request);
  if (check_envelope (&envelope, err))
    return;
  int fd = open_message (context, request, request->file, &facts, err);
  if (fd < 0)
    return;
  if (tls_possible (request))
    delivery_r->trust = msub_tls_trust_new (&tls_options, err);
  if (err->kind == MSUB_OK)
    deliver (context, request, &fd, &facts, delivery_r->trust, delivery_r);
  msub_wipe_free (&request->password);
  close (fd);
}

void
msub_session_farewell (struct msub_delivery *delivery)
{
  if (delivery->farewell)
    msub_smtp_quit_wait (delivery->farewell);
  msub_smtp_free (&delivery->farewell);
  msub_tls_trust_free (&delivery->trust);
}
