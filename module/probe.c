/* probe.c --- diagnosing a server: every address, every port, and what each of them says; nothing is delivered.

   Floor 9.  Each address and port is visited in a thread of its own, whose code reads from top to bottom; the job's own
   thread looks the name up, has a few visits made at once, and waits for all of them.
   SPDX-License-Identifier: GPL-3.0-or-later  */

#define _GNU_SOURCE
#include "probe.h"
#include "mailbox.h"
#include "resolve.h"
#include "thread.h"

#include <errno.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Enough for all ports of an ordinary name at once, and not more than a server grants one client.  */
#define VISITS_AT_ONCE 16
#define VISITS_MAX (MSUB_ROUTES_MAX * MSUB_LOOKUP_ADDRESSES)
/* A server that has said nothing for so long would lose most of its users.  */
#define STEP_MSECS 30000
/* Nobody's address: IANA keeps the name, and it takes no mail (RFC 2606, RFC 7505).  */
#define NOBODY "relay-test@example.net"

struct probe;

/* One address and port.  Written by the job's thread before the visit begins, and by the visit's own after that.  */
struct visit
{
  struct probe *probe;
  size_t id;
  struct msub_route route;
  struct msub_address address;
  struct msub_context context; /* the job's, with this visit's number on each event */
  struct msub_way way;
  bool again; /* a second look */
};

struct probe
{
  const struct msub_context *context;
  const struct msub_request *request;
  struct msub_tls_trust *trust, *lax;
  msub_time started;
  struct msub_lookup *lookups[2]; /* IPv4, IPv6; NULL where no route wants the family */
  bool reported[2];
  int notice[2];                  /* a pipe: each visit writes an octet at its very end */
  struct visit *visits;
  size_t count, begun, ended;
  atomic_bool named[MSUB_ROUTES_MAX]; /* a recipient has been named at this route's port */
};

/* What became of one look.  */
struct outcome
{
  struct msub_error error;
  const char *stage;   /* how far it went */
  const char *failure; /* of the TLS handshake, or NULL */
  const char *spoke;   /* the other TLS mode, or NULL */
  bool unanswered;     /* closed before the first octet */
};

static bool
ended_at (const struct outcome *outcome, const char *stage)
{
  return strcmp (outcome->stage, stage) == 0;
}

/* The context of a visit */

static bool
is_cancelled (void *arg)
{
  const struct msub_context *context = ((struct visit *) arg)->probe->context;
  return context->cancelled (context->job);
}

/* Nobody asks anything here.  */
static bool
take_answer (void *arg, struct msub_answer *answer_r)
{
  (void) arg, (void) answer_r;
  return false;
}

static void
forward (void *arg, struct msub_event *event)
{
  struct visit *visit = arg;
  bool attempt = event->type == MSUB_EVENT_ATTEMPT;
  if (attempt && visit->again)
    {
      msub_event_free (&event);
      return;
    }
  if (!attempt)
    msub_event_integer (event, "id", (int64_t) visit->id);
  msub_event_real (event, "at", msub_msecs_since (visit->probe->started));
  msub_event_truth (event, "again", visit->again);
  msub_emit (visit->probe->context, event);
}

/* Connecting */

/* Returns a connection, or NULL with ERR; the verdict has been told.  */
static struct msub_connection *
reach (struct visit *visit, struct msub_error *err)
{
  struct msub_attempt attempt = {
    .way = &visit->way,
    .id = visit->id,
    .route = visit->route,
    .address = visit->address,
    .fd = -1,
    .second_fd = -1,
    .words = "connecting",
  };
  msub_attempt_report (&attempt, false);
  msub_attempt_start (&attempt);
  if (msub_attempt_wait (&attempt, &visit->context, visit->probe->request->race.connect_timeout_msecs, err))
    return NULL;
  msub_attempt_report (&attempt, false);
  struct msub_address peer = visit->address;
  if (visit->way.tunnel.kind == MSUB_TUNNEL_NONE)
    msub_address_port (&peer, visit->route.port);
  struct msub_connection *c = msub_connection_new (&visit->context, attempt.fd, &peer, visit->route.port);
  msub_tunnel_carry (&attempt.tunnel, c);
  if (!c)
    msub_fail (err, MSUB_INTERNAL, "Out of memory");
  return c;
}

/* Trying commands out */

/* Say COMMAND, and tell the answer as that to the check NAME.  Returns its code, or -1 with ERR.  */
static int
check (struct msub_smtp *smtp, const char *name, const char *command, struct msub_error *err)
{
  if (msub_smtp_silence (smtp, err) || msub_smtp_command (smtp, err, "%s", command)
      || msub_smtp_exchange (smtp, STEP_MSECS / 1000, err))
    return -1;
  const struct msub_reply *reply = msub_smtp_shown (smtp);
  char words[600];
  msub_reply_words (reply, words, sizeof words);
  struct msub_event *event = msub_event_new (MSUB_EVENT_CHECK);
  msub_event_text (event, "name", name);
  msub_event_integer (event, "code", reply->code);
  msub_event_text (event, "enhanced", reply->enhanced);
  msub_event_text (event, "text", words);
  msub_event_truth (event, "secure", smtp->tls);
  msub_emit (smtp->c->context, event);
  return reply->code;
}

static int
reset (struct msub_smtp *smtp, struct msub_error *err)
{
  return msub_smtp_command (smtp, err, "RSET") || msub_smtp_exchange (smtp, STEP_MSECS / 1000, err) ? -1 : 0;
}

/* May anybody begin a mail?  And then, with RECIPIENT (the name of a check, or NULL), to anybody?  Nothing comes of it:
   RSET.  */
static int
try_mail (struct msub_smtp *smtp, const char *name, const char *recipient, struct msub_error *err)
{
  int code = check (smtp, name, "MAIL FROM:<>", err);
  if (code < 0)
    return -1;
  if (code / 100 != 2 || msub_smtp_leaves (smtp))
    return 0;
  if (recipient && check (smtp, recipient, "RCPT TO:<" NOBODY ">", err) < 0)
    return -1;
  return reset (smtp, err);
}

/* Many a good submission server takes MAIL from anybody and turns the recipient down, so only that tells.  Once for each port:
   who is turned down often is shut out by some.  */
static const char *
recipient_check (const struct visit *visit)
{
  const struct msub_request *request = visit->probe->request;
  size_t i = 0;
  while (i + 1 < request->race.count && request->race.routes[i].port != visit->route.port)
    i++;
  return atomic_exchange (&visit->probe->named[i], true) ? NULL : "rcpt-before-auth";
}

/* STARTTLS, also where it is not listed: a server that takes it all the same has listed it, and somebody on the way has taken
   it out.  */
static int
start_tls (struct msub_smtp *smtp, const struct msub_tls_trust *trust, const char *name, struct msub_tls_info *info_r,
           struct outcome *outcome)
{
  struct msub_error *err = &outcome->error;
  outcome->stage = "starttls";
  if (smtp->caps.starttls)
    return msub_smtp_starttls (smtp, trust, name, false, false, info_r, err);
  int code = check (smtp, "starttls-unoffered", "STARTTLS", err);
  if (code != 220)
    return code < 0 ? -1 : 0;
  return msub_smtp_upgrade (smtp, trust, name, false, info_r, err);
}

/* The certificates themselves are of use where they are compared with DNS: where mail is brought to.  */
static void
report_certificates (const struct visit *visit, const struct msub_smtp *smtp)
{
  char *certificates = visit->route.service == MSUB_TRANSFER ? msub_tls_certificates (smtp->c) : NULL;
  if (!certificates)
    return;
  struct msub_event *event = msub_event_new (MSUB_EVENT_CHAIN);
  msub_event_list (event, "certificates", certificates);
  msub_emit (&visit->context, event);
  free (certificates);
}

/* Bellovin's two flows (2005): on the submission port nothing before STARTTLS and nothing before AUTH; on port 25 STARTTLS is
   as you like, never demanded (RFC 3207), and nobody relays.  BRIEF: without trying anything out.  */
static int
converse (struct visit *visit, struct msub_smtp *smtp, enum msub_tls_mode mode, const struct msub_tls_trust *trust,
          bool brief, struct msub_tls_info *info_r, struct outcome *outcome)
{
  const struct msub_request *request = visit->probe->request;
  const char *name = request->name ? request->name : request->way.host;
  struct msub_error *err = &outcome->error;
  bool submission = visit->route.service == MSUB_SUBMISSION;
  outcome->stage = "tls";
  if (mode == MSUB_TLS_IMPLICIT && msub_smtp_tls (smtp, trust, name, false, info_r, err))
    {
      if (err->code)
        outcome->stage = "greeting"; /* in the clear */
      return -1;
    }
  outcome->stage = "greeting";
  if (msub_smtp_greeting (smtp, err))
    return -1;
  outcome->stage = "ehlo";
  /* As a delivery does it, which finds neither STARTTLS nor a log-in by HELO (SECURITY: A5).  */
  if (msub_smtp_hello (smtp, !submission || mode == MSUB_TLS_NONE, err))
    return -1;
  if (mode == MSUB_TLS_STARTTLS)
    {
      outcome->stage = "checks";
      if (!brief && try_mail (smtp, "mail-before-starttls", NULL, err))
        return -1;
      if (start_tls (smtp, trust, name, info_r, outcome))
        {
          if (smtp->tls)
            outcome->stage = "ehlo";
          return -1;
        }
    }
  outcome->stage = "end";
  report_certificates (visit, smtp);
  if (submission && smtp->tls && !brief)
    return try_mail (smtp, "mail-before-auth", recipient_check (visit), err);
  if (!submission && !brief && request->relay_test)
    return try_mail (smtp, "mail-before-auth", "relay", err);
  return 0;
}

static void
look_at_smtp (struct visit *visit, struct msub_connection *c, enum msub_tls_mode mode,
              const struct msub_tls_trust *trust, bool brief, struct outcome *outcome)
{
  const struct msub_request *request = visit->probe->request;
  int step_msecs = request->step_timeout_msecs ? request->step_timeout_msecs : STEP_MSECS;
  struct msub_smtp *smtp = msub_smtp_new (c, request->helo, step_msecs);
  if (!smtp)
    {
      msub_fail (&outcome->error, MSUB_INTERNAL, "Out of memory");
      return;
    }
  struct msub_tls_info info = { 0 };
  int failed = converse (visit, smtp, mode, trust, brief, &info, outcome);
  enum msub_kind kind = outcome->error.kind;
  outcome->failure = info.failure;
  outcome->unanswered = failed && msub_smtp_unanswered (smtp, &outcome->error);
  /* Only where a command may still be said.  */
  if (!failed || kind == MSUB_REFUSED || kind == MSUB_DEFERRED)
    {
      msub_smtp_quit (smtp);
      msub_smtp_quit_wait (smtp);
    }
  msub_smtp_free (&smtp);
}

static void
look_at_mailbox (struct visit *visit, struct msub_connection *c, enum msub_tls_mode mode,
                 const struct msub_tls_trust *trust, struct outcome *outcome)
{
  const struct msub_request *request = visit->probe->request;
  int step_msecs = request->step_timeout_msecs ? request->step_timeout_msecs : STEP_MSECS;
  struct msub_route route = visit->route;
  route.tls = mode;
  struct msub_tls_info info = { 0 };
  int failed = msub_mailbox_look (c, &route, trust, request->name ? request->name : request->way.host, step_msecs, &info,
                                  &outcome->stage, &outcome->error);
  outcome->failure = info.failure;
  outcome->unanswered
    = failed && c->received == 0 && (outcome->error.kind == MSUB_LOST || outcome->error.kind == MSUB_TLS);
  msub_connection_free (&c);
}

static void
look (struct visit *visit, enum msub_tls_mode mode, const struct msub_tls_trust *trust, bool brief,
      struct outcome *outcome_r)
{
  *outcome_r = (struct outcome) { .stage = "connect" };
  struct msub_connection *c = reach (visit, &outcome_r->error);
  if (!c)
    return;
  if (visit->route.service == MSUB_POP || visit->route.service == MSUB_IMAP)
    look_at_mailbox (visit, c, mode, trust, outcome_r);
  else
    look_at_smtp (visit, c, mode, trust, brief, outcome_r);
}

/* Second looks */

static bool
greeted (const struct outcome *outcome)
{
  return outcome->error.code > 0
         || !(ended_at (outcome, "connect") || ended_at (outcome, "tls") || ended_at (outcome, "greeting"));
}

/* Does the server speak the other TLS mode than the route's?  */
static void
look_for_mode (struct visit *visit, struct outcome *first)
{
  bool implicit = visit->route.tls == MSUB_TLS_IMPLICIT;
  struct outcome second;
  look (visit, implicit ? MSUB_TLS_STARTTLS : MSUB_TLS_IMPLICIT, visit->probe->trust, true, &second);
  bool shaken = !ended_at (&second, "connect") && !ended_at (&second, "tls");
  if (implicit ? greeted (&second) : shaken)
    first->spoke = implicit ? "plaintext" : "tls";
}

/* Look a second time where that tells more.  To talk TLS to a server that may be about to greet looks like a spammer to it, so
   that comes last, and not on port 25.  */
static void
look_again (struct visit *visit, struct outcome *first)
{
  const char *failure = first->failure ? first->failure : "";
  struct outcome second;
  visit->again = true;
  if (visit->route.tls == MSUB_TLS_IMPLICIT && strcmp (failure, "plaintext") == 0)
    look_for_mode (visit, first);
  else if (visit->route.tls == MSUB_TLS_STARTTLS && ended_at (first, "greeting") && first->error.kind == MSUB_TIMEOUT
           && visit->route.service != MSUB_TRANSFER)
    look_for_mode (visit, first);
  else if (strcmp (failure, "version") == 0 || strcmp (failure, "weak") == 0 || strcmp (failure, "alert") == 0
           || strcmp (failure, "other") == 0)
    look (visit, visit->route.tls, visit->probe->lax, true, &second);
  /* A delivery does not try such things, and comes further.  */
  else if (ended_at (first, "checks") || (ended_at (first, "starttls") && first->error.kind == MSUB_LOST))
    look (visit, visit->route.tls, visit->probe->trust, true, first);
  visit->again = false;
}

/* A visit */

static void
report_probed (const struct visit *visit, const struct outcome *outcome)
{
  const struct msub_error *err = &outcome->error;
  struct msub_event *event = msub_event_new (MSUB_EVENT_PROBED);
  msub_event_text (event, "kind", msub_kind_name (err->kind));
  msub_event_text (event, "stage", outcome->stage);
  msub_event_integer (event, "code", err->code);
  msub_event_text (event, "enhanced", err->enhanced);
  msub_event_text (event, "text", err->text);
  if (err->said[0])
    msub_event_list (event, "said", err->said);
  msub_event_text (event, "step", err->step);
  msub_event_text (event, "about", err->about);
  msub_event_text (event, "failure", outcome->failure);
  msub_event_text (event, "spoke", outcome->spoke);
  msub_event_truth (event, "unanswered", outcome->unanswered);
  msub_emit (&visit->context, event);
}

static void
run (void *arg)
{
  struct visit *visit = arg;
  struct outcome outcome;
  look (visit, visit->route.tls, visit->probe->trust, false, &outcome);
  if (outcome.error.kind != MSUB_CANCELLED)
    look_again (visit, &outcome);
  report_probed (visit, &outcome);
  /* The pipe holds more octets than there are visits.  */
  while (write (visit->probe->notice[1], "", 1) < 0 && errno == EINTR)
    ;
}

static void
add_visit (struct probe *probe, const struct msub_route *route, const struct msub_address *address)
{
  if (probe->count == VISITS_MAX)
    return;
  struct visit *visit = &probe->visits[probe->count];
  *visit = (struct visit) {
    .probe = probe,
    .id = probe->count++,
    .route = *route,
    .address = *address,
    .way = probe->request->way,
  };
  visit->context = (struct msub_context) {
    .wake_fd = probe->context->wake_fd,
    .job = visit,
    .cancelled = is_cancelled,
    .take_answer = take_answer,
    .emit = forward,
    .trace = probe->context->trace,
  };
  visit->way.context = &visit->context;
}

/* The whole */

/* The far side of a tunnel looks the name up.  */
static void
add_tunnelled (struct probe *probe)
{
  struct msub_address host = { 0 };
  snprintf (host.text, sizeof host.text, "%.*s", (int) sizeof host.text - 1, probe->request->way.host);
  for (size_t i = 0; i < probe->request->race.count; i++)
    add_visit (probe, &probe->request->race.routes[i], &host);
}

static void
add_resolved (struct probe *probe, int family, const struct msub_lookup *lookup)
{
  const struct msub_address *addresses;
  size_t count = msub_lookup_done (lookup) ? msub_lookup_addresses (lookup, &addresses) : 0;
  for (size_t i = 0; i < count; i++)
    for (size_t j = 0; j < probe->request->race.count; j++)
      if (probe->request->race.routes[j].family == family)
        add_visit (probe, &probe->request->race.routes[j], &addresses[i]);
}

static msub_time
lookups_expire (const struct probe *probe)
{
  return probe->started + MSUB_MSECS (probe->request->race.connect_timeout_msecs);
}

/* Note what look-ups have ended, or are too late.  Returns whether all are settled.  */
static bool
note_lookups (struct probe *probe)
{
  bool settled = true;
  for (int i = 0; i < 2; i++)
    {
      const struct msub_lookup *lookup = probe->lookups[i];
      if (!lookup || probe->reported[i])
        continue;
      if (msub_lookup_done (lookup) || msub_now () >= lookups_expire (probe))
        {
          probe->reported[i] = true;
          msub_lookup_report (lookup, probe->context, probe->started);
          add_resolved (probe, i ? AF_INET6 : AF_INET, lookup);
        }
      else
        settled = false;
    }
  return settled;
}

static void
begin_visits (struct probe *probe)
{
  while (probe->begun < probe->count && probe->begun - probe->ended < VISITS_AT_ONCE)
    {
      struct visit *visit = &probe->visits[probe->begun++];
      if (msub_thread_start (run, visit))
        run (visit);
    }
}

static void
note_ends (struct probe *probe)
{
  char octets[VISITS_MAX];
  ssize_t n = read (probe->notice[0], octets, sizeof octets);
  probe->ended += n > 0 ? (size_t) n : 0;
}

/* All visits notice a cancel by themselves; they use what is PROBE's until then.  */
static void
wait_for_visits (struct probe *probe)
{
  while (probe->ended < probe->begun)
    {
      struct pollfd fd = { .fd = probe->notice[0], .events = POLLIN };
      if (poll (&fd, 1, -1) > 0)
        note_ends (probe);
    }
}

static int
run_visits (struct probe *probe, struct msub_error *err)
{
  for (;;)
    {
      bool settled = note_lookups (probe);
      begin_visits (probe);
      if (settled && probe->ended == probe->count)
        return 0;
      struct pollfd fds[4] = { { 0 }, { .fd = probe->notice[0], .events = POLLIN } };
      nfds_t count = 2;
      for (int i = 0; i < 2; i++)
        if (probe->lookups[i] && !probe->reported[i])
          fds[count++] = (struct pollfd) { .fd = msub_lookup_fd (probe->lookups[i]), .events = POLLIN };
      if (msub_wait_poll (probe->context, fds, count, settled ? INT64_MAX : lookups_expire (probe), err) < 0)
        return -1;
      note_ends (probe);
    }
}

static int
begin_lookups (struct probe *probe, struct msub_error *err)
{
  for (size_t i = 0; i < probe->request->race.count; i++)
    {
      int family = probe->request->race.routes[i].family;
      struct msub_lookup **lookup = &probe->lookups[family == AF_INET6];
      if (!*lookup)
        *lookup = msub_lookup_start (probe->request->way.host, family, err);
      if (!*lookup)
        return -1;
    }
  return 0;
}

static int
prepare (struct probe *probe, struct msub_error *err)
{
  const struct msub_request *request = probe->request;
  /* Who only looks shows no certificate, and leaves no ticket.  */
  struct msub_tls_options options = request->tls;
  options.cert_file = options.key_file = NULL;
  options.memory = NULL;
  options.look = true;
  if (msub_net_pipe (probe->notice))
    return msub_fail_errno (err, MSUB_INTERNAL, errno, "No pipe can be made");
  probe->visits = calloc (VISITS_MAX, sizeof *probe->visits);
  if (!probe->visits)
    return msub_fail (err, MSUB_INTERNAL, "Out of memory");
  msub_time deadline = msub_wait_file_deadline (request->step_timeout_msecs);
  probe->trust = msub_tls_trust_new (probe->context, &options, deadline, err);
  options.weak = true;
  probe->lax = probe->trust ? msub_tls_trust_new (probe->context, &options, deadline, err) : NULL;
  return probe->lax ? 0 : -1;
}

/* The look-ups have ended: is there anything to visit?  */
static int
check_host (const struct probe *probe, struct msub_error *err)
{
  return probe->count > 0 ? 0 : msub_lookup_fail (probe->lookups, probe->request->way.host, err);
}

static void
clear (struct probe *probe)
{
  for (int i = 0; i < 2; i++)
    {
      msub_lookup_free (&probe->lookups[i]);
      if (probe->notice[i] >= 0)
        close (probe->notice[i]);
    }
  msub_tls_trust_free (&probe->trust);
  msub_tls_trust_free (&probe->lax);
  free (probe->visits);
}

int
msub_probe (const struct msub_context *context, const struct msub_request *request, struct msub_error *err)
{
  struct probe probe = {
    .context = context,
    .request = request,
    .started = msub_now (),
    .notice = { -1, -1 },
  };
  bool tunnelled = request->way.tunnel.kind != MSUB_TUNNEL_NONE;
  int failed = msub_request_check (request, err) || prepare (&probe, err) || (!tunnelled && begin_lookups (&probe, err));
  if (!failed)
    {
      if (tunnelled)
        add_tunnelled (&probe);
      failed = run_visits (&probe, err) || check_host (&probe, err);
      wait_for_visits (&probe);
    }
  clear (&probe);
  return failed ? -1 : 0;
}
