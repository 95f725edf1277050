/* login.c --- AUTH (RFC 4954): which mechanism, and the exchange.

   Floor 5.  SPDX-License-Identifier: GPL-3.0-or-later  */

#define _GNU_SOURCE
#include "login.h"
#include "tls.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define AUTH_SECONDS 120
#define AUTH_LINE_MAX 12288 /* RFC 4954 section 4 */
#define AUTH_STEPS_MAX 8

bool
msub_smtp_takes_no_log_in (const struct msub_smtp *smtp)
{
  return smtp->tls && smtp->verified && !smtp->caps.mechanisms[0];
}

static bool
usable (const struct msub_smtp *smtp, const struct msub_sasl_mechanism *mechanism)
{
  unsigned char binding[256];
  bool exporter;
  return msub_capabilities_offer (&smtp->caps, mechanism->name)
         && (!mechanism->binding || msub_tls_binding (smtp->c, binding, sizeof binding, &exporter) > 0);
}

/* MECHANISM stands behind the one called REMEMBERED in the order of strength.  */
static bool
weaker (const struct msub_sasl_mechanism *mechanism, const char *remembered)
{
  for (const struct msub_sasl_mechanism *m = msub_sasl_mechanisms; m->name && m != mechanism; m++)
    if (m->automatic && msub_text_alike (m->name, remembered, SIZE_MAX))
      return true;
  return false;
}

static const struct msub_sasl_mechanism *
unless_weaker (const struct msub_smtp *smtp, const struct msub_sasl_mechanism *mechanism, const char *remembered,
               struct msub_error *err)
{
  if (!remembered || !mechanism->automatic || !weaker (mechanism, remembered))
    return mechanism;
  msub_fail (err, MSUB_INSECURE,
             "%s offers nothing better than %s to log in; it has offered %s before, so somebody may have taken that out. "
             "No credentials and no message were sent",
             smtp->c->peer.text, mechanism->name, remembered);
  err->alarm = "weaker-auth";
  return NULL;
}

/* Is NAME one of WANTED, mechanisms with commas between them?  */
static bool
listed (const char *name, const char *wanted)
{
  size_t length = strlen (name);
  for (const char *p = wanted; p; p = strchr (p, ','), p += p != NULL)
    if (msub_text_alike (p, name, length) && (p[length] == ',' || p[length] == '\0'))
      return true;
  return false;
}

/* Does the server offer nothing to log in with but access tokens?  */
static bool
only_tokens (const struct msub_smtp *smtp)
{
  bool some = false;
  for (const struct msub_sasl_mechanism *m = msub_sasl_mechanisms; m->name; m++)
    if (msub_capabilities_offer (&smtp->caps, m->name))
      {
        if (m->secret != MSUB_SASL_TOKEN)
          return false;
        some = true;
      }
  return some;
}

/* Nothing that is wanted is offered.  Where something was before, somebody may have taken it out; but nobody on the way can
   take anything out of verified TLS, and where nothing at all is offered there is nothing to fall for either.  */
static void
nothing_offered (const struct msub_smtp *smtp, const char *wanted, const char *remembered, struct msub_error *err)
{
  char before[200] = "";
  if (msub_smtp_takes_no_log_in (smtp))
    {
      msub_fail (err, MSUB_INSECURE,
                 "%s takes no log-in at port %d, so mail cannot be submitted there by a user. Check the account's server, "
                 "port and user. No credentials and no message were sent",
                 smtp->c->peer.text, smtp->c->port);
      err->about = "no-log-in";
      return;
    }
  if (!wanted && (!remembered || msub_capabilities_offer (&smtp->caps, remembered)) && only_tokens (smtp))
    {
      msub_fail (err, MSUB_AUTH,
                 "%s takes access tokens only (%s), and no password. Nothing was sent; :oauth t, or --auth with "
                 "--token-command, has mew-submit log in with a token",
                 smtp->c->peer.text, smtp->caps.mechanisms);
      err->about = "mechanism";
      return;
    }
  if (remembered)
    msub_text_format (before, sizeof before, "it has offered %s before, so somebody may have taken that out. ", remembered);
  msub_fail (err, MSUB_INSECURE, "%s does not offer %s (it offers: %s)%s%sNo credentials and no message were sent",
             smtp->c->peer.text, wanted ? wanted : "any way to log in that is accepted here",
             smtp->caps.mechanisms[0] ? smtp->caps.mechanisms : "none", remembered ? "; " : ". ", before);
  if (remembered)
    err->alarm = smtp->caps.auth ? "weaker-auth" : "striptls";
}

bool
msub_smtp_mechanism_known (const char *pinned, struct msub_error *err)
{
  for (const struct msub_sasl_mechanism *m = msub_sasl_mechanisms; m->name; m++)
    if (listed (m->name, pinned))
      return true;
  char spoken[MSUB_TEXT_MAX] = "";
  for (const struct msub_sasl_mechanism *m = msub_sasl_mechanisms; m->name; m++)
    {
      size_t length = strlen (spoken);
      snprintf (spoken + length, sizeof spoken - length, "%s%s", length ? ", " : "", m->name);
    }
  msub_fail (err, MSUB_CONFIG, "%s is not a SASL mechanism that mew-submit speaks: choose one of %s", pinned, spoken);
  return false;
}

const struct msub_sasl_mechanism *
msub_smtp_mechanism (const struct msub_smtp *smtp, const char *pinned, const char *remembered, struct msub_error *err)
{
  const struct msub_connection *c = smtp->c;
  if (!(smtp->tls && smtp->verified) && !msub_address_loopback ((const struct sockaddr *) &c->peer.sockaddr))
    {
      msub_fail (err, MSUB_INSECURE, "The password is not sent to %s: the connection is not protected by verified TLS",
                 c->peer.text);
      return NULL;
    }
  for (const struct msub_sasl_mechanism *m = msub_sasl_mechanisms; m->name; m++)
    {
      bool wanted = pinned ? listed (m->name, pinned) : m->automatic;
      if (wanted && usable (smtp, m))
        return pinned ? m : unless_weaker (smtp, m, remembered, err);
    }
  nothing_offered (smtp, pinned, remembered, err);
  return NULL;
}

static int
put_secret (struct msub_smtp *smtp, const char *line, const char *shown, struct msub_error *err)
{
  smtp->c->secret = true;
  return msub_smtp_put (smtp, line, shown, err);
}

/* Does RESPONSE, the first one, go with AUTH?  The line must stay short enough (RFC 4954 section 4).  */
static bool
goes_with_auth (const char *mechanism, const char *response)
{
  return response && strlen ("AUTH  \r\n") + strlen (mechanism) + strlen (response) <= MSUB_COMMAND_MAX;
}

/* AUTH, with the first response where that goes with it.  *RESPONSE holds what has still to be sent, or NULL.  PLAIN's is all
   that it has to say: a server that asks for it all the same, with nothing in the challenge, has not taken it there, and gets
   it once more.  */
static int
put_auth (struct msub_smtp *smtp, const char *mechanism, char **response, struct msub_error *err)
{
  if (!goes_with_auth (mechanism, *response))
    return msub_smtp_command (smtp, err, "AUTH %s", mechanism);
  char line[MSUB_COMMAND_MAX], shown[64];
  msub_text_format (shown, sizeof shown, "AUTH %s ****", mechanism);
  snprintf (line, sizeof line, "AUTH %s %s", mechanism, **response ? *response : "=");
  int result = put_secret (smtp, line, shown, err);
  if (strcmp (mechanism, "PLAIN") != 0)
    msub_wipe_free (response);
  msub_wipe (line, sizeof line);
  return result;
}

/* Give the exchange up because of ERR (RFC 4954 section 4): whatever the server answers, it has failed (SECURITY: E14).  A
   challenge that is none may be words that say why.  */
static void
cancel_auth (struct msub_smtp *smtp, struct msub_error *err)
{
  struct msub_error ignored = { 0 };
  char words[200], said[300];
  msub_reply_words (msub_smtp_shown (smtp), words, sizeof words);
  msub_text_format (said, sizeof said, "It said: %s. :auth or --auth chooses another way to log in", words);
  if (err->kind == MSUB_PROTOCOL)
    msub_error_add (err, said);
  if (msub_smtp_put (smtp, "*", NULL, &ignored) == 0)
    msub_smtp_exchange (smtp, MSUB_MOMENT, &ignored);
}

/* *RESPONSE to a 334.  If it is not NULL, it is the first response, which did not go with AUTH or was not taken.  */
static int
take_challenge (struct msub_smtp *smtp, struct msub_sasl *sasl, const struct msub_sasl_mechanism *mechanism,
                char **response, struct msub_error *err)
{
  const struct msub_reply *reply = msub_smtp_last (smtp);
  size_t length = reply->text_length > 0 ? reply->text_length - 1 : 0; /* without the '\n' */
  bool base64 = strcmp (mechanism->name, "LOGIN") != 0 && mechanism->secret != MSUB_SASL_TOKEN;
  if (reply->lines != 1 && base64)
    return msub_fail (err, MSUB_PROTOCOL, "The server's authentication challenge has more than one line");
  while (length > 0 && reply->text[length - 1] == ' ')
    length--;
  if (length > 0 && goes_with_auth (mechanism->name, *response))
    msub_wipe_free (response);
  if (!*response
      && (msub_sasl_step (sasl, reply->text, length, smtp->c->context, msub_smtp_deadline (smtp, AUTH_SECONDS), response, err)
          || msub_smtp_hide (smtp, *response, err)))
    return -1;
  if (strlen (*response) > AUTH_LINE_MAX)
    return msub_fail (err, MSUB_AUTH, "The authentication response would be longer than SMTP allows");
  return 0;
}

static int
put_response (struct msub_smtp *smtp, char **response, struct msub_error *err)
{
  int result = put_secret (smtp, *response, "****", err);
  msub_wipe_free (response);
  return result;
}

/* The 535s that leave it open what was wrong: it is the password, as far as anybody can know.  */
static bool
undetermined (const char *enhanced)
{
  static const char *const codes[] = { "", "5.0.0", "5.7.0", "5.7.1", "5.7.3", "5.7.8" };
  for (size_t i = 0; i < sizeof codes / sizeof *codes; i++)
    if (strcmp (enhanced, codes[i]) == 0)
      return true;
  return false;
}

/* What has to be changed after REPLY, a 5yz to AUTH with MECHANISM (RFC 4954 section 6), by its codes, and by what was SAID
   within the exchange.  Another password is no use, and a further log-in may do harm, unless the reply is about the password.
   Its words are Lisp's to read (mew-submit-cause.el), which may find another cause in them, and never asks for a password that
   the codes speak against.  */
static const char *
refusal_is_about (const struct msub_reply *reply, const struct msub_sasl_mechanism *mechanism, const char *said)
{
  /* Types of binding, or any: SCRAM's errors (RFC 5802 section 7).  */
  if (mechanism->binding && strstr (said, "channel-binding"))
    return "mechanism";
  /* The server has offered the mechanism, and does not know it or this way to use it.  */
  if (reply->code == 500 || reply->code == 502 || reply->code == 504)
    return "mechanism";
  if (reply->code == 534 || (reply->code == 535 && strcmp (reply->enhanced, "5.7.9") == 0))
    return mechanism->secret == MSUB_SASL_PASSWORD ? "app-password" : "mechanism";
  if (reply->code != 535 || !undetermined (reply->enhanced))
    return "nothing";
  if (strcmp (mechanism->name, "EXTERNAL") == 0)
    return "client-certificate";
  return mechanism->secret == MSUB_SASL_TOKEN ? "token" : mechanism->secret == MSUB_SASL_PASSWORD ? "password" : "nothing";
}

/* A server that keeps passwords in a form that SCRAM cannot use refuses as soon as it knows the user, whatever the password
   (Dovecot and Cyrus SASL do).  */
static bool
cannot_know_password (const struct msub_smtp *smtp, const struct msub_sasl_mechanism *mechanism, int challenges)
{
  return challenges == 0 && strncmp (mechanism->name, "SCRAM-", 6) == 0
         && (msub_capabilities_offer (&smtp->caps, "PLAIN") || msub_capabilities_offer (&smtp->caps, "LOGIN"));
}

/* Has the server SAID in SCRAM's own words that the password is wrong?  Whatever it does then, another log-in would count as this
   one does.  */
static bool
denies_password (const char *said)
{
  return strcmp (said, "e=invalid-proof") == 0 || strcmp (said, "e=unknown-user") == 0;
}

/* SCRAM's own errors, SAID within the exchange, of which the reply says nothing: that TLS ends elsewhere; or, where the reply
   is only the answer to "*", or none, all of them.  */
static bool
refused_within (const struct msub_smtp *smtp, const struct msub_sasl_mechanism *mechanism, const char *said,
                struct msub_error *err)
{
  const char *peer = smtp->c->peer.text;
  if (mechanism->binding && strcmp (said, "e=channel-bindings-dont-match") == 0)
    {
      msub_fail (err, MSUB_INSECURE,
                 "%s sees another TLS connection than this machine does (%s): something on the way opens TLS, as proxies and "
                 "antivirus programs do, or somebody listens in. The message was not sent",
                 peer, said);
      return true;
    }
  bool password = denies_password (said);
  int code = msub_smtp_shown (smtp)->code; /* of a whole reply */
  bool silent = code == 501 || (password && (code / 100 != 5 || code <= 504));
  if (strncmp (said, "e=", 2) != 0 || !silent)
    return false;
  msub_fail (err, MSUB_AUTH, "%s refused the %s: %s", peer, password ? "user name or the password" : "log-in", said);
  err->about = password ? "password" : "nothing";
  return true;
}

/* The server has said no to the log-in, after so many CHALLENGES.  */
static void
refused (const struct msub_smtp *smtp, const struct msub_sasl *sasl, const struct msub_sasl_mechanism *mechanism,
         int challenges, struct msub_error *err)
{
  const struct msub_reply *reply = msub_smtp_shown (smtp);
  char words[400], what[500], advice[300];
  err->mechanism = mechanism->name;
  msub_text_format (words, sizeof words, "%s", msub_sasl_server_words (sasl));
  msub_smtp_blot (smtp, words, strlen (words));
  if (refused_within (smtp, mechanism, words, err))
    return;
  msub_text_format (what, sizeof what, "the %s%s%s%s",
                    mechanism->secret == MSUB_SASL_TOKEN ? "access token" : "credentials", *words ? " (" : "", words,
                    *words ? ")" : "");
  if (reply->code / 100 != 5)
    {
      msub_smtp_failed (smtp, MSUB_AUTH, "auth", what, err);
      return;
    }
  const char *about = refusal_is_about (reply, mechanism, words);
  bool way = strcmp (about, "mechanism") == 0;
  bool secret = mechanism->secret != MSUB_SASL_NOTHING && !way && strcmp (about, "nothing") != 0;
  msub_smtp_failed (smtp, MSUB_AUTH, "auth", secret ? what : "the log-in", err);
  if (err->about)
    return; /* a client certificate is what it wants */
  err->about = about;
  if (strcmp (about, "password") == 0 && cannot_know_password (smtp, mechanism, challenges))
    {
      msub_text_format (advice, sizeof advice,
                        "It said no before it saw the password: if the user name is right, it cannot do %s for this user, and "
                        ":auth or --auth chooses another way to log in",
                        mechanism->name);
      msub_error_add (err, advice);
    }
  if (way)
    {
      msub_text_format (advice, sizeof advice,
                        "It offers %s and then does not take it: :auth or --auth chooses another way to log in",
                        mechanism->name);
      msub_error_add (err, advice);
    }
}

/* The exchange has ended without a reply that says no.  Where SCRAM's own words have said that the password is wrong, that is
   why, whatever came then.  */
static void
believe_denial (const struct msub_smtp *smtp, const struct msub_sasl *sasl, const struct msub_sasl_mechanism *mechanism,
                int challenges, struct msub_error *err)
{
  if (err->kind == MSUB_CANCELLED || !denies_password (msub_sasl_server_words (sasl)))
    return;
  *err = (struct msub_error) { 0 };
  refused (smtp, sasl, mechanism, challenges, err);
}

static int
run_auth (struct msub_smtp *smtp, struct msub_sasl *sasl, const struct msub_sasl_mechanism *mechanism,
          struct msub_error *err)
{
  char *response = NULL;
  int result = -1, steps = 0;
  if (mechanism->client_first
      && (msub_sasl_step (sasl, NULL, 0, smtp->c->context, msub_smtp_deadline (smtp, AUTH_SECONDS), &response, err)
          || msub_smtp_hide (smtp, response, err)))
    goto out;
  if (msub_smtp_silence (smtp, err) || put_auth (smtp, mechanism->name, &response, err) || msub_smtp_exchange (smtp, AUTH_SECONDS, err))
    goto out;
  for (; msub_smtp_last (smtp)->code == 334; steps++)
    {
      if (steps == AUTH_STEPS_MAX)
        msub_fail (err, MSUB_PROTOCOL, "The server goes on asking during authentication");
      bool taken = err->kind == MSUB_OK && take_challenge (smtp, sasl, mechanism, &response, err) == 0;
      if (!taken)
        cancel_auth (smtp, err);
      /* What has been said counts, also where the server does not wait for an answer.  */
      if (!taken || msub_smtp_silence (smtp, err) || put_response (smtp, &response, err)
          || msub_smtp_exchange (smtp, AUTH_SECONDS, err))
        {
          believe_denial (smtp, sasl, mechanism, steps, err);
          goto out;
        }
    }
  if (msub_smtp_last (smtp)->code != 235)
    refused (smtp, sasl, mechanism, steps, err);
  else if (!msub_sasl_complete (sasl))
    msub_fail (err, MSUB_INSECURE,
               "%s says that the log-in succeeded before it has proved that it knows the password: it may be an impostor. "
               "The message was not sent",
               smtp->c->peer.text);
  else
    result = 0;
out:
  msub_wipe_free (&response);
  return result;
}

bool
msub_smtp_secret_fine (const char *secret)
{
  for (; *secret; secret++)
    if ((unsigned char) *secret < ' ' || *secret == 127)
      return false;
  return true;
}

/* Have SECRET blotted out of what is told, as it is and in base64.  */
static int
hide_secret (struct msub_smtp *smtp, const char *secret, struct msub_error *err)
{
  char *disguises[MSUB_SASL_DISGUISES];
  if (strlen (secret) < MSUB_SECRET_LEAST)
    return 0;
  int failed = msub_smtp_hide (smtp, secret, err);
  msub_sasl_disguise (secret, disguises);
  for (size_t i = 0; i < MSUB_SASL_DISGUISES; i++)
    {
      if (disguises[i] && !failed)
        failed = msub_smtp_hide (smtp, disguises[i], err);
      msub_wipe_free (&disguises[i]);
    }
  return failed;
}

int
msub_smtp_auth (struct msub_smtp *smtp, const struct msub_sasl_mechanism *mechanism, const char *name,
                const char *user, const char *secret, struct msub_error *err)
{
  if (secret && hide_secret (smtp, secret, err))
    return -1;
  unsigned char binding[256];
  struct msub_sasl_options options = {
    .mechanism = mechanism,
    .user = user,
    .secret = secret,
    .host = name,
    .port = smtp->c->port,
  };
  if (mechanism->binding)
    {
      options.binding = binding;
      options.binding_length = msub_tls_binding (smtp->c, binding, sizeof binding, &options.exporter);
    }
  struct msub_sasl *sasl = msub_sasl_new (&options, err);
  if (!sasl)
    return -1;
  int result = run_auth (smtp, sasl, mechanism, err);
  msub_sasl_free (&sasl);
  if (result && err->kind == MSUB_INSECURE)
    err->mechanism = mechanism->name; /* a way to log in is there, and that is not what is missing */
  if (result == 0)
    msub_smtp_report_auth (smtp, mechanism, msub_smtp_shown (smtp));
  return result;
}

void
msub_smtp_report_auth (const struct msub_smtp *smtp, const struct msub_sasl_mechanism *mechanism,
                       const struct msub_reply *reply)
{
  struct msub_event *event = msub_event_new (MSUB_EVENT_AUTH);
  msub_event_text (event, "mechanism", mechanism->name);
  if (reply)
    {
      char words[400];
      msub_reply_words (reply, words, sizeof words);
      msub_event_text (event, "text", words);
    }
  msub_emit (smtp->c->context, event);
}

