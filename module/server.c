/* server.c --- a server that a message can be given to: reached, secured, logged in; and kept for the next message.

   Floor 8.  SPDX-License-Identifier: GPL-3.0-or-later  */

#define _GNU_SOURCE
#include "server.h"
#include "parts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A person may be at lunch; the held connection will not wait longer than that either.  */
#define ANSWER_MSECS (10 * 60 * 1000)
/* After this long a server may have lost interest: ask before the message goes there with its envelope.  */
#define IDLE_MSECS 1000
/* At the port for TLS at once (RFC 8314), and Amazon's other one, who says nothing for so long is asked whether it waits for
   that.  */
#define SMTP_PORT 25
#define SUBMISSION_PORT 587
#define SUBMISSIONS_PORT 465
#define SUBMISSIONS_PORT_TOO 2465
#define MUTE_SECONDS 10

/* What the first octet of a record of TLS says that it is.  */
#define TLS_ALERT 21
#define TLS_HANDSHAKE 22

/* Reaching it */

/* Ask whether a less preferred port may be used: 1 for yes, 0 for no, -1 with ERR.  */
static int
ask_fallback (const struct msub_context *context, const struct msub_request *request, const struct msub_winner *winner,
              struct msub_error *err)
{
  struct msub_event *event = msub_event_new (MSUB_EVENT_ASK);
  msub_event_text (event, "what", "fallback");
  msub_event_text (event, "host", request->way.host);
  msub_event_integer (event, "preferred-port", request->race.routes[0].port);
  msub_event_integer (event, "port", winner->route.port);
  msub_event_text (event, "address", winner->address.text);
  struct msub_answer answer;
  if (msub_wait_ask (context, event, msub_now () + MSUB_MSECS (ANSWER_MSECS), &answer, err))
    return -1;
  bool yes = answer.text && strcmp (answer.text, "yes") == 0;
  msub_answer_free (&answer);
  return yes;
}

/* The name a certificate must be issued for (SECURITY: A16): what the user configured, whatever DNS says.  */
static const char *
certified_name (const struct msub_request *request)
{
  return request->name ? request->name : request->way.host;
}

static void
emit_nothing (void *job, struct msub_event *event)
{
  (void) job;
  msub_event_free (&event);
}

/* Does SERVER, which has not greeted, wait for TLS at once?  That takes a connection of its own, of which nothing is told:
   should the greeting still come, it finds its conversation as it was.  */
static bool
waits_for_tls (const struct msub_server *server, const struct msub_context *context, const struct msub_request *request)
{
  const struct msub_winner *winner = &server->winner;
  struct msub_context quiet = *context;
  quiet.emit = emit_nothing;
  struct msub_way way = request->way;
  way.context = &quiet;
  struct msub_attempt attempt
    = { .way = &way, .route = winner->route, .address = winner->address, .fd = -1, .second_fd = -1 };
  struct msub_tls_info info;
  struct msub_error ignored = { 0 };
  msub_attempt_start (&attempt);
  if (msub_attempt_wait (&attempt, &quiet, request->race.connect_timeout_msecs, &ignored))
    return false;
  struct msub_connection *c = msub_connection_new (&quiet, attempt.fd, &winner->address, winner->route.port);
  msub_tunnel_carry (&attempt.tunnel, c);
  if (!c)
    return false;
  c->glance = true;
  msub_tls_start (c, server->trust, certified_name (request), true, msub_smtp_deadline (server->smtp, MUTE_SECONDS), &info,
                  &ignored);
  bool tls = c->first[0] == TLS_HANDSHAKE || c->first[0] == TLS_ALERT;
  msub_connection_free (&c);
  return tls;
}

/* Has SERVER said nothing for a while, at a port where it may wait for TLS?  */
static bool
mute_at_tls_port (const struct msub_server *server)
{
  uint16_t port = server->winner.route.port;
  struct msub_error silence = { 0 };
  if (port != SUBMISSIONS_PORT && port != SUBMISSIONS_PORT_TOO)
    return false;
  msub_time mute = msub_smtp_usecs (server->smtp, 2 * MUTE_SECONDS) / 2;
  return msub_connection_fill (server->smtp->c, msub_now () + mute, &silence) < 0 && silence.kind == MSUB_TIMEOUT;
}

/* The greeting, where the account has STARTTLS.  Who waits for TLS at once would be waited for until one of both gives up.  At
   other ports nobody is asked: who is about to greet would take who talks TLS to it for a spammer.  */
static int
greeting_before_starttls (const struct msub_server *server, const struct msub_context *context,
                          const struct msub_request *request, struct msub_error *err)
{
  struct msub_smtp *smtp = server->smtp;
  if (!mute_at_tls_port (server) || !waits_for_tls (server, context, request))
    {
      int failed = msub_smtp_greeting (smtp, err);
      char advice[100];
      snprintf (advice, sizeof advice, "If the port is for TLS at once, say %d:implicit in :routes (--routes)", smtp->c->port);
      if (err->kind == MSUB_TIMEOUT && smtp->c->received == 0 && smtp->c->port != SMTP_PORT && smtp->c->port != SUBMISSION_PORT)
        msub_error_add (err, advice);
      return failed;
    }
  msub_fail (err, MSUB_INSECURE,
             "%s waits for TLS at once at port %d, and the account has STARTTLS there. Neither the password nor the message "
             "was sent",
             smtp->c->peer.text, smtp->c->port);
  err->about = "implicit";
  return -1;
}

/* TLS at once where the route says so, then the greeting.  */
static int
open_conversation (struct msub_server *server, const struct msub_context *context, const struct msub_request *request,
                   enum msub_tls_mode mode, struct msub_error *err)
{
  bool required = request->level == MSUB_LEVEL_REQUIRED;
  if (mode == MSUB_TLS_IMPLICIT
      && msub_smtp_tls (server->smtp, server->trust, certified_name (request), required, &server->tls, err))
    {
      /* A server that wants STARTTLS greets at once.  */
      if (server->tls.failure && strcmp (server->tls.failure, "plaintext") == 0)
        err->about = "starttls";
      return -1;
    }
  if (mode == MSUB_TLS_STARTTLS)
    return greeting_before_starttls (server, context, request, err);
  return msub_smtp_greeting (server->smtp, err);
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

/* The conversation with SERVER's winner begins.  */
static int
take_winner (struct msub_server *server, const struct msub_context *context, const struct msub_request *request,
             struct msub_error *err)
{
  struct msub_connection *c = msub_connection_new (context, server->winner.fd, &server->winner.address, server->winner.route.port);
  msub_tunnel_carry (&server->winner.tunnel, c);
  server->smtp = c ? msub_smtp_new (c, request->helo, request->step_timeout_msecs) : NULL;
  if (!server->smtp)
    return msub_fail (err, MSUB_INTERNAL, "Out of memory");
  server->smtp->without = request->without;
  server->smtp->chunking_untried = request->chunking_untried;
  return 0;
}

static void
report_connected (const struct msub_server *server, const struct msub_context *context, bool reused)
{
  const struct msub_winner *winner = &server->winner;
  struct msub_event *event = msub_event_new (MSUB_EVENT_CONNECTED);
  msub_event_integer (event, "id", (int64_t) winner->attempt);
  msub_event_integer (event, "port", winner->route.port);
  if (!winner->tunnelled)
    msub_event_text (event, "family", msub_family_name (winner->route.family));
  msub_event_text (event, "address", winner->address.text);
  msub_event_truth (event, "fallback", winner->fallback);
  msub_event_truth (event, "reused", reused);
  if (!reused)
    msub_event_real (event, "ms", winner->msecs);
  msub_emit (context, event);
}

/* The race's next winner.  Before a less preferred port is used because the preferred one is blocked, ask, if the user
   wants to be asked, but once only.  */
static int
next_winner (struct msub_server *server, const struct msub_context *context, const struct msub_request *request,
             struct msub_race *race, bool *asked, struct msub_error *err)
{
  const struct msub_winner *winner = &server->winner;
  if (msub_race_next (race, &server->winner, err) || take_winner (server, context, request, err))
    return -1;
  if (*asked || !winner->fallback || !request->race.asks || msub_race_barred (race, request->race.routes[0].port))
    return 0;
  *asked = true;
  if (ask_fallback (context, request, winner, err) > 0)
    return 0;
  msub_smtp_free (&server->smtp);
  return msub_fail (err, MSUB_CONNECT, "Port %d of %s cannot be reached, and falling back to port %d was declined",
                    request->race.routes[0].port, request->way.host, winner->route.port);
}

/* Run the race until somebody greets.  A connection that closes before the first octet lets the race go on; nothing else
   does.  */
static int
reach (struct msub_server *server, const struct msub_context *context, const struct msub_request *request,
       struct msub_race *race, bool *asked, struct msub_error *err)
{
  for (;;)
    {
      if (next_winner (server, context, request, race, asked, err))
        return -1;
      report_connected (server, context, false);
      enum msub_tls_mode mode = effective_mode (request, &server->winner.route);
      if (open_conversation (server, context, request, mode, err) == 0)
        return 0;
      size_t attempt = server->winner.attempt;
      if (!msub_smtp_unanswered (server->smtp, err))
        {
          /* TLS 1.3 may fail when it is over on this side.  */
          bool tls = mode == MSUB_TLS_IMPLICIT && err->code == 0
                     && (!server->smtp->tls || err->kind == MSUB_TLS || err->kind == MSUB_AUTH);
          if (err->kind != MSUB_CANCELLED)
            msub_race_judge (race, attempt, tls ? MSUB_CASE_TLS : MSUB_CASE_GREETING, err->text);
          return -1;
        }
      msub_race_judge (race, attempt, MSUB_CASE_GREETING,
                       "accepted the connection and closed it without a word (a proxy or a middlebox?)");
      msub_smtp_free (&server->smtp);
      *err = (struct msub_error) { 0 };
    }
}

/* EHLO and STARTTLS.  An attempt whose STARTTLS fails has the verdict "tls".  */
static int
introduce (struct msub_server *server, const struct msub_request *request, struct msub_race *race,
           struct msub_error *err)
{
  struct msub_smtp *smtp = server->smtp;
  const char *name = certified_name (request);
  bool required = request->level == MSUB_LEVEL_REQUIRED;
  /* HELO finds neither STARTTLS nor a log-in (SECURITY: A5).  */
  bool neither = (smtp->tls || !required) && !msub_request_wants_log_in (request);
  if (msub_smtp_hello (smtp, neither, err))
    return -1;
  int failed = msub_smtp_striptls (smtp, name, request->starttls_remembered, err);
  if (!failed && effective_mode (request, &server->winner.route) == MSUB_TLS_STARTTLS)
    failed = msub_smtp_starttls (smtp, server->trust, name, required, required, &server->tls, err);
  if (failed && !smtp->tls && err->kind != MSUB_CANCELLED)
    msub_race_judge (race, server->winner.attempt, MSUB_CASE_TLS, err->text);
  return failed;
}

/* No port is left but those that take no log-in and those that cannot be reached: say which is which.  */
static int
no_port_takes_log_in (const struct msub_request *request, const struct msub_race *race, struct msub_error *err)
{
  char words[MSUB_TEXT_MAX - 256] = "", blocked[MSUB_TEXT_MAX - 512] = "";
  for (size_t i = 0; i < request->race.count; i++)
    {
      int port = request->race.routes[i].port;
      bool seen = false;
      for (size_t j = 0; j < i; j++)
        seen = seen || request->race.routes[j].port == port;
      bool barred = msub_race_barred (race, port);
      char *list = barred ? words : blocked;
      size_t size = barred ? sizeof words : sizeof blocked, length = strlen (list);
      if (seen)
        continue;
      if (barred)
        snprintf (list + length, size - length, "%s%d", length ? " and " : "", port);
      else
        snprintf (list + length, size - length, "; port %d cannot be reached from here", port);
    }
  *err = (struct msub_error) { 0 };
  return msub_fail (err, MSUB_NO_LOG_IN, "Port %s of %s takes no log-in, so mail cannot be submitted there%s", words,
                    request->way.host, blocked);
}

/* A server that lets a connection come about and then is silent, or breaks off, may do so at one of its addresses alone, where
   something is on the way by IPv6 for instance: one more of its addresses is tried, by the same rules, and no other port
   (SECURITY: N7).  ERR becomes FAILURE.  */
static bool
other_address (struct msub_server *server, struct msub_race *race, struct msub_error *failure, struct msub_error *err)
{
  bool broken = err->kind == MSUB_TIMEOUT || err->kind == MSUB_LOST || err->kind == MSUB_TLS;
  if (!broken || failure->kind != MSUB_OK || !server->smtp || !msub_race_stay (race, server->winner.route.port))
    return false;
  msub_race_judge (race, server->winner.attempt, server->tls.failure ? MSUB_CASE_TLS : MSUB_CASE_GREETING, err->text);
  *failure = *err;
  *err = (struct msub_error) { 0 };
  msub_smtp_free (&server->smtp);
  server->tls = (struct msub_tls_info) { 0 };
  return true;
}

/* Reach the server at a port where mail can be submitted.  One that takes no log-in is no such port, and nobody has made it
   so (SECURITY: N10): go on to the next one, while there is one.  */
static int
find_port (struct msub_server *server, const struct msub_context *context, const struct msub_request *request,
           struct msub_race *race, struct msub_error *err)
{
  bool asked = false, elsewhere = false;
  struct msub_error failure = { 0 };
  for (;;)
    {
      if (reach (server, context, request, race, &asked, err) || introduce (server, request, race, err))
        {
          if (other_address (server, race, &failure, err))
            continue;
          if (err->kind == MSUB_CONNECT && failure.kind != MSUB_OK)
            *err = failure;
          return elsewhere && err->kind == MSUB_CONNECT ? no_port_takes_log_in (request, race, err) : -1;
        }
      if (!msub_request_wants_log_in (request) || !msub_smtp_takes_no_log_in (server->smtp))
        return 0;
      msub_race_judge (race, server->winner.attempt, MSUB_CASE_NO_LOG_IN,
                       "takes no log-in, so mail cannot be submitted there");
      msub_race_bar (race, server->winner.route.port);
      if (msub_race_ports_left (race) == 0)
        return 0; /* the log-in says so */
      elsewhere = true;
      failure = (struct msub_error) { 0 };
      msub_smtp_quit (server->smtp);
      msub_smtp_free (&server->smtp);
      server->tls = (struct msub_tls_info) { 0 };
    }
}

/* Credentials */

/* Have Lisp tell the user's name and secret.  REFRESH: the token it told before was refused.  */
static int
ask_secret (const struct msub_server *server, const struct msub_context *context, struct msub_request *request,
            bool refresh, struct msub_error *err)
{
  struct msub_event *event = msub_event_new (MSUB_EVENT_ASK);
  msub_event_text (event, "what", "password");
  msub_event_text (event, "host", request->way.host);
  msub_event_integer (event, "port", server->winner.route.port);
  msub_event_text (event, "user", request->user);
  msub_event_text (event, "mechanism", server->mechanism->name);
  msub_event_truth (event, "refresh", refresh);
  struct msub_answer answer;
  if (msub_wait_ask (context, event, msub_now () + MSUB_MSECS (ANSWER_MSECS), &answer, err))
    return -1;
  if (!answer.text || !answer.secret)
    {
      msub_answer_free (&answer);
      err->about = "no-password";
      return msub_fail (err, MSUB_AUTH, "No password was given for %s at %s", request->user, request->way.host);
    }
  if (!msub_smtp_secret_fine (answer.text) || !msub_smtp_secret_fine (answer.secret))
    {
      msub_answer_free (&answer);
      return msub_fail (err, MSUB_AUTH, "The user name or the password holds a control character; neither was sent");
    }
  free (request->user);
  request->user = answer.text;
  request->password = answer.secret;
  return 0;
}

static int
log_in_once (struct msub_server *server, const struct msub_context *context, struct msub_request *request, bool refresh,
             struct msub_error *err)
{
  if (server->mechanism->secret != MSUB_SASL_NOTHING && !request->password
      && ask_secret (server, context, request, refresh, err))
    return -1;
  int result = msub_smtp_auth (server->smtp, server->mechanism, certified_name (request), request->user, request->password, err);
  /* A server that takes only so many messages in a session may have to be told twice.  */
  if (result || !msub_smtp_needs_sessions (server->smtp, &request->envelope))
    msub_wipe_free (&request->password);
  return result;
}

/* Opening, keeping, closing */

static bool
tls_possible (const struct msub_request *request)
{
  for (size_t i = 0; i < request->race.count; i++)
    if (effective_mode (request, &request->race.routes[i]) != MSUB_TLS_NONE)
      return true;
  return false;
}

int
msub_server_prepare (struct msub_server *server, const struct msub_context *context, const struct msub_request *request,
                     struct msub_error *err)
{
  if (!tls_possible (request) || server->trust)
    return 0;
  server->trust = msub_tls_trust_new (context, &request->tls, msub_wait_file_deadline (request->step_timeout_msecs), err);
  return server->trust ? 0 : -1;
}

static void
let_go (struct msub_server *server)
{
  msub_smtp_free (&server->smtp);
  server->mechanism = NULL;
  server->quit_said = false;
  server->tls = (struct msub_tls_info) { 0 };
}

static int
race_for_port (struct msub_server *server, const struct msub_context *context, struct msub_request *request,
               struct msub_error *err)
{
  struct msub_race *race = msub_race_new (&request->way, &request->race, err);
  int failed = race ? find_port (server, context, request, race, err) : -1;
  msub_race_free (&race);
  return failed;
}

static int
choose_mechanism (struct msub_server *server, const struct msub_request *request, struct msub_error *err)
{
  const char *remembered = server->winner.route.port == 25 ? request->auth_remembered_25 : request->auth_remembered;
  server->mechanism = msub_smtp_mechanism (server->smtp, request->auth, remembered, err);
  return server->mechanism ? 0 : -1;
}

static int
log_in (struct msub_server *server, const struct msub_context *context, struct msub_request *request,
        struct msub_error *err)
{
  if (choose_mechanism (server, request, err))
    return -1;
  if (log_in_once (server, context, request, false, err) == 0)
    return 0;
  /* A token lives for an hour or so: a refused one is worth a fresh one, once.  */
  if (err->kind != MSUB_AUTH || !err->about || strcmp (err->about, "token") != 0)
    return -1;
  struct msub_error refused = *err;
  *err = (struct msub_error) { 0 };
  if (log_in_once (server, context, request, true, err) == 0)
    return 0;
  if (err->code == 0 && err->kind == MSUB_AUTH)
    *err = refused;
  /* Some leave when they have refused one, with a farewell or without: nobody has seen the fresh one.  */
  bool unasked = msub_smtp_farewell (err->code) && strcmp (err->step, "any") == 0;
  if (err->kind != MSUB_LOST && err->kind != MSUB_TLS && !unasked)
    return -1;
  *err = (struct msub_error) { 0 };
  let_go (server);
  return race_for_port (server, context, request, err) || choose_mechanism (server, request, err)
             || log_in_once (server, context, request, false, err)
           ? -1
           : 0;
}

int
msub_server_open (struct msub_server *server, const struct msub_context *context, struct msub_request *request,
                  struct msub_error *err)
{
  request->way.context = context;
  int failed = race_for_port (server, context, request, err);
  /* A session that is resumed has the certificate of its beginning, and the server may have another one by now.  The ticket
     has gone.  */
  if (failed && err->kind == MSUB_INSECURE && server->tls.resumed && !server->tls.verified)
    {
      let_go (server);
      *err = (struct msub_error) { 0 };
      failed = race_for_port (server, context, request, err);
    }
  if (!failed && msub_request_wants_log_in (request))
    failed = log_in (server, context, request, err);
  return failed ? -1 : 0;
}

void
msub_server_adopt (struct msub_server *server, const struct msub_context *context, const struct msub_request *request)
{
  if (!server->smtp)
    return;
  server->smtp->c->context = context;
  server->smtp->helo = request->helo;
  server->smtp->without = request->without;
  server->smtp->chunking_untried = request->chunking_untried;
  server->smtp->step_msecs = request->step_timeout_msecs;
}

int
msub_server_again (struct msub_server *server, const struct msub_context *context, const struct msub_request *request)
{
  struct msub_error err = { 0 };
  msub_time age = msub_now_with_sleep () - server->idle_since;
  bool idle = age > MSUB_MSECS (IDLE_MSECS);
  /* The machine has slept: whoever is asked may not be there any more, and would be waited for.  */
  if (age > MSUB_MSECS (request->keep_msecs + IDLE_MSECS))
    {
      let_go (server);
      return -1;
    }
  if (msub_smtp_again (server->smtp, idle, &err))
    {
      let_go (server);
      return -1;
    }
  /* Tell Lisp what an earlier job was told.  */
  report_connected (server, context, true);
  if (server->smtp->tls)
    msub_tls_report (context, &server->tls);
  if (server->mechanism)
    msub_smtp_report_auth (server->smtp, server->mechanism, NULL);
  return 0;
}

bool
msub_server_rest (struct msub_server *server, const struct msub_request *request, const struct msub_error *err, bool keep)
{
  struct msub_smtp *smtp = server->smtp;
  if (!smtp)
    return false;
  enum msub_kind kind = err->kind;
  bool orderly = !msub_smtp_farewell (err->code) && !smtp->in_message
                 && (kind == MSUB_OK || kind == MSUB_REFUSED || kind == MSUB_DEFERRED || kind == MSUB_AUTH
                     || kind == MSUB_MESSAGE);
  server->idle_since = msub_now_with_sleep ();
  if (keep && orderly && smtp->settled && !msub_smtp_spent (smtp))
    return true;
  /* Where TLS was to be had and was not, nothing more is said in the clear (SECURITY: A6).  */
  if (orderly && (smtp->tls || request->level != MSUB_LEVEL_REQUIRED))
    {
      msub_smtp_quit (smtp);
      server->quit_said = true;
    }
  else
    let_go (server);
  return false;
}

void
msub_server_close (struct msub_server *server)
{
  if (server->smtp)
    {
      if (!server->quit_said)
        msub_smtp_quit (server->smtp);
      msub_smtp_quit_wait (server->smtp);
    }
  let_go (server);
  msub_tls_trust_free (&server->trust);
}
