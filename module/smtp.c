/* smtp.c --- the client's side of an SMTP conversation (RFC 5321, RFC 6409).

   Floor 3.  SPDX-License-Identifier: GPL-3.0-or-later  */

#define _GNU_SOURCE
#include "smtp.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

/* RFC 5321 section 4.5.3.2, in seconds; TLS and AUTH have none there.  */
enum
{
  GREETING_SECONDS = 300,
  HELLO_SECONDS = 300,
  STARTTLS_SECONDS = 120,
  HANDSHAKE_SECONDS = 120,
  AUTH_SECONDS = 120,
  MAIL_SECONDS = 300,
  RCPT_SECONDS = 300,
  DATA_SECONDS = 120,
  BLOCK_SECONDS = 180,
  FINAL_SECONDS = 600,
  QUIT_SECONDS = 2,
};

#define COMMAND_MAX 512       /* RFC 5321 section 4.5.3.1.4 */
#define AUTH_LINE_MAX 12288   /* RFC 4954 section 4 */
#define AUTH_STEPS_MAX 8
#define RECIPIENTS_PER_FLIGHT 100 /* so that their replies fit into the receive buffers */
#define SECRETS_MAX 12
#define PROGRESS_INTERVAL MSUB_MSECS (200)
#define BLOCK_OCTETS 65536    /* four full TLS records */
#define READ_OCTETS 16384

struct msub_smtp
{
  struct msub_connection *c;
  const char *helo;
  int step_msecs;
  bool tls, verified;
  bool in_message;  /* between 354 and the answer to the dot: no command may be sent */
  struct msub_capabilities caps;
  struct msub_reply_parser parser;
  /* Every form of the credentials that has left or may come back; blotted out of what the server says.  */
  char *secrets[SECRETS_MAX];
  size_t secret_count;
};

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
  msub_connection_free (&(*smtp)->c);
  for (size_t i = 0; i < (*smtp)->secret_count; i++)
    msub_wipe_free (&(*smtp)->secrets[i]);
  msub_wipe (*smtp, sizeof **smtp);
  free (*smtp);
  *smtp = NULL;
}

/* Deadlines */

static msub_time
step_usecs (const struct msub_smtp *smtp, int seconds)
{
  msub_time usecs = MSUB_MSECS (seconds * 1000);
  msub_time bound = MSUB_MSECS (smtp->step_msecs);
  return bound > 0 && bound < usecs ? bound : usecs;
}

static msub_time
step_deadline (const struct msub_smtp *smtp, int seconds)
{
  return msub_now () + step_usecs (smtp, seconds);
}

/* The trace */

static void
trace (const struct msub_smtp *smtp, const char *direction, const char *line, size_t n)
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
  const struct msub_reply *reply = &smtp->parser.reply;
  if (!smtp->c->context->trace)
    return;
  const char *end = reply->text + reply->text_length;
  for (const char *p = reply->text; p < end;)
    {
      const char *newline = memchr (p, '\n', (size_t) (end - p));
      const char *stop = newline ? newline : end;
      char line[1024];
      int n = snprintf (line, sizeof line, "%d%c%.*s", reply->code, stop + 1 < end ? '-' : ' ',
                        (int) (stop - p > 1000 ? 1000 : stop - p), p);
      trace (smtp, "S", line, n < (int) sizeof line ? (size_t) n : sizeof line - 1);
      p = stop + 1;
    }
}

/* Secrets */

/* Remember SECRET, so that it is blotted out of everything the server says from now on (SECURITY: E16).  Without
   memory the conversation must not go on.  */
static int
remember_secret (struct msub_smtp *smtp, const char *secret, struct msub_error *err)
{
  if (secret[0] == '\0' || smtp->secret_count == SECRETS_MAX)
    return 0;
  char *copy = strdup (secret);
  if (!copy)
    return msub_fail (err, MSUB_INTERNAL, "Out of memory");
  smtp->secrets[smtp->secret_count++] = copy;
  return 0;
}

static void
blot_secrets (struct msub_smtp *smtp)
{
  struct msub_reply *reply = &smtp->parser.reply;
  for (size_t i = 0; i < smtp->secret_count; i++)
    {
      size_t length = strlen (smtp->secrets[i]);
      char *p = reply->text;
      while ((p = memmem (p, (size_t) (reply->text + reply->text_length - p), smtp->secrets[i], length)))
        {
          memset (p, '*', length);
          p += length;
        }
    }
}

/* Replies */

/* Read one reply into smtp->parser.reply.  */
static int
read_reply (struct msub_smtp *smtp, msub_time deadline, struct msub_error *err)
{
  struct msub_connection *c = smtp->c;
  msub_reply_reset (&smtp->parser);
  for (;;)
    {
      ssize_t n = msub_connection_fill (c, deadline, err);
      if (n < 0)
        return -1;
      if (n == 0)
        return msub_fail (err, MSUB_LOST, "%s closed the connection", c->peer.text);
      size_t used = 0;
      int complete = msub_reply_feed (&smtp->parser, c->in + c->in_start, (size_t) n, &used, err);
      c->in_start += used;
      if (complete < 0)
        return -1;
      if (complete)
        {
          blot_secrets (smtp);
          trace_reply (smtp);
          return 0;
        }
      if (msub_now () >= deadline)
        return msub_fail (err, MSUB_TIMEOUT, "%s did not finish its answer in time", c->peer.text);
    }
}

static const struct msub_reply *
last_reply (const struct msub_smtp *smtp)
{
  return &smtp->parser.reply;
}

/* Fill ERR from the reply: KIND_5 for a 5yz, MSUB_DEFERRED for a 4yz, MSUB_PROTOCOL for anything else.  */
static int
reply_failed (const struct msub_smtp *smtp, enum msub_kind kind_5, const char *what, struct msub_error *err)
{
  const struct msub_reply *reply = last_reply (smtp);
  char words[600];
  msub_reply_words (reply, words, sizeof words);
  if (err->kind != MSUB_OK)
    return -1;
  int class = reply->code / 100;
  const char *peer = smtp->c->peer.text;
  if (class == 5)
    msub_fail (err, kind_5, "%s refused %s: %s", peer, what, words);
  else if (class == 4)
    msub_fail (err, MSUB_DEFERRED, "%s cannot take %s now, try again later: %s", peer, what, words);
  else
    msub_fail (err, MSUB_PROTOCOL, "%s gave an answer to %s that makes no sense there: %s", peer, what, words);
  err->code = reply->code;
  memcpy (err->enhanced, reply->enhanced, sizeof err->enhanced);
  return -1;
}

/* The server has spoken out of turn: 421 means that it is going away (RFC 5321 section 3.8), everything else that its
   replies and our commands no longer belong together (SECURITY: B5, B7, H2).  */
static int
spoken_unasked (struct msub_smtp *smtp, struct msub_error *err)
{
  if (read_reply (smtp, step_deadline (smtp, QUIT_SECONDS), err))
    return -1;
  if (last_reply (smtp)->code == 421)
    return reply_failed (smtp, MSUB_REFUSED, "the mail", err);
  char words[400];
  msub_reply_words (last_reply (smtp), words, sizeof words);
  return msub_fail (err, MSUB_PROTOCOL, "%s spoke before it was asked: %s", smtp->c->peer.text, words);
}

/* Before each command nothing may be unread.  */
static int
expect_silence (struct msub_smtp *smtp, struct msub_error *err)
{
  return msub_connection_unread (smtp->c) ? spoken_unasked (smtp, err) : 0;
}

/* Commands */

/* Put a command line (without CRLF) into the flight.  SHOWN is what the trace shows of it, or NULL for all.  */
static int
put_line (struct msub_smtp *smtp, const char *line, const char *shown, struct msub_error *err)
{
  trace (smtp, "C", shown ? shown : line, strlen (shown ? shown : line));
  if (msub_connection_put (smtp->c, line, strlen (line), err) || msub_connection_put (smtp->c, "\r\n", 2, err))
    return -1;
  return 0;
}

static int put_command (struct msub_smtp *smtp, struct msub_error *err, const char *format, ...)
  __attribute__ ((format (printf, 3, 4)));

static int
put_command (struct msub_smtp *smtp, struct msub_error *err, const char *format, ...)
{
  char line[2 * COMMAND_MAX];
  va_list args;
  va_start (args, format);
  int n = vsnprintf (line, sizeof line, format, args);
  va_end (args);
  if (n < 0 || (size_t) n >= sizeof line)
    return msub_fail (err, MSUB_MESSAGE, "A command would be longer than SMTP allows");
  return put_line (smtp, line, NULL, err);
}

/* Send the flight and read one reply.  */
static int
exchange (struct msub_smtp *smtp, int seconds, struct msub_error *err)
{
  msub_time deadline = step_deadline (smtp, seconds);
  if (msub_connection_flush (smtp->c, deadline, err))
    return -1;
  return read_reply (smtp, deadline, err);
}

/* Greeting, EHLO, TLS */

bool
msub_smtp_unanswered (const struct msub_smtp *smtp, const struct msub_error *err)
{
  return smtp->c->received == 0 && (err->kind == MSUB_LOST || err->kind == MSUB_TLS);
}

static void
report_tls (const struct msub_smtp *smtp, const struct msub_tls_info *info)
{
  struct msub_event *event = msub_event_new (MSUB_EVENT_TLS);
  msub_event_text (event, "version", info->version);
  msub_event_text (event, "cipher", info->cipher);
  msub_event_truth (event, "verified", info->verified);
  msub_event_truth (event, "pinned", info->pinned);
  if (!info->verified)
    msub_event_text (event, "unverified", info->unverified);
  msub_event_text (event, "subject", info->subject);
  msub_event_text (event, "issuer", info->issuer);
  msub_event_text (event, "starts", info->not_before);
  msub_event_text (event, "expires", info->not_after);
  msub_event_list (event, "names", info->names);
  msub_event_text (event, "fingerprint", info->fingerprint);
  msub_emit (smtp->c->context, event);
}

int
msub_smtp_tls (struct msub_smtp *smtp, const struct msub_tls_trust *trust, const char *name, bool must_verify,
               struct msub_error *err)
{
  struct msub_tls_info info;
  int failed = msub_tls_start (smtp->c, trust, name, must_verify, step_deadline (smtp, HANDSHAKE_SECONDS), &info, err);
  /* A certificate that was not accepted is told of, too: a person may want to look at it.  */
  if (!failed || info.fingerprint[0])
    report_tls (smtp, &info);
  smtp->tls = !failed;
  smtp->verified = info.verified;
  return failed;
}

int
msub_smtp_greeting (struct msub_smtp *smtp, struct msub_error *err)
{
  msub_time started = msub_now ();
  if (read_reply (smtp, step_deadline (smtp, GREETING_SECONDS), err))
    return -1;
  char words[600];
  msub_reply_words (last_reply (smtp), words, sizeof words);
  struct msub_event *event = msub_event_new (MSUB_EVENT_GREETING);
  msub_event_integer (event, "code", last_reply (smtp)->code);
  msub_event_text (event, "text", words);
  msub_event_real (event, "ms", msub_msecs_since (started));
  msub_emit (smtp->c->context, event);
  return last_reply (smtp)->code == 220 ? 0 : reply_failed (smtp, MSUB_REFUSED, "the connection", err);
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
  msub_emit (smtp->c->context, event);
}

int
msub_smtp_hello (struct msub_smtp *smtp, bool helo_allowed, struct msub_error *err)
{
  memset (&smtp->caps, 0, sizeof smtp->caps);
  if (expect_silence (smtp, err) || put_command (smtp, err, "EHLO %s", smtp->helo)
      || exchange (smtp, HELLO_SECONDS, err))
    return -1;
  if (last_reply (smtp)->code / 100 == 5 && helo_allowed)
    {
      if (expect_silence (smtp, err) || put_command (smtp, err, "HELO %s", smtp->helo)
          || exchange (smtp, HELLO_SECONDS, err))
        return -1;
      return last_reply (smtp)->code == 250 ? 0 : reply_failed (smtp, MSUB_REFUSED, "HELO", err);
    }
  if (last_reply (smtp)->code != 250)
    return reply_failed (smtp, MSUB_REFUSED, "EHLO", err);
  msub_capabilities_parse (last_reply (smtp), &smtp->caps);
  report_capabilities (smtp);
  return 0;
}

int
msub_smtp_starttls (struct msub_smtp *smtp, const struct msub_tls_trust *trust, const char *name, bool required,
                    bool must_verify, struct msub_error *err)
{
  const char *peer = smtp->c->peer.text;
  if (!smtp->caps.starttls)
    return !required ? 0
                     : msub_fail (err, MSUB_INSECURE,
                                  "%s (%s) does not offer STARTTLS: somebody on the way may have taken it out. Neither the "
                                  "password nor the message was sent",
                                  name, peer);
  if (expect_silence (smtp, err) || put_command (smtp, err, "STARTTLS") || exchange (smtp, STARTTLS_SECONDS, err))
    return -1;
  int code = last_reply (smtp)->code;
  if (code / 100 == 4)
    return reply_failed (smtp, MSUB_INSECURE, "STARTTLS", err);
  if (code != 220)
    {
      char words[400];
      msub_reply_words (last_reply (smtp), words, sizeof words);
      return msub_fail (err, MSUB_INSECURE,
                        "%s (%s) offered STARTTLS and then did not start it: %s. Neither the password nor the message was "
                        "sent",
                        name, peer, words);
    }
  if (msub_smtp_tls (smtp, trust, name, must_verify, err))
    return -1;
  /* Everything learned so far came in the clear: a reply, a capability, half a line (RFC 3207 section 4.2).  */
  msub_reply_reset (&smtp->parser);
  return msub_smtp_hello (smtp, false, err);
}

/* AUTH */

static bool
usable (const struct msub_smtp *smtp, const struct msub_sasl_mechanism *mechanism)
{
  unsigned char binding[256];
  bool exporter;
  return msub_capabilities_offer (&smtp->caps, mechanism->name)
         && (!mechanism->binding || msub_tls_binding (smtp->c, binding, sizeof binding, &exporter) > 0);
}

const struct msub_sasl_mechanism *
msub_smtp_mechanism (const struct msub_smtp *smtp, const char *pinned, struct msub_error *err)
{
  const struct msub_connection *c = smtp->c;
  if (!(smtp->tls && smtp->verified) && !msub_address_loopback ((const struct sockaddr *) &c->peer.sockaddr))
    {
      msub_fail (err, MSUB_INSECURE, "The password is not sent to %s: the connection is not protected by verified TLS",
                 c->peer.text);
      return NULL;
    }
  bool known = false;
  for (const struct msub_sasl_mechanism *m = msub_sasl_mechanisms; m->name; m++)
    {
      bool wanted = pinned ? strcasecmp (pinned, m->name) == 0 : m->automatic;
      if (wanted && usable (smtp, m))
        return m;
      known = known || wanted;
    }
  if (!known)
    msub_fail (err, MSUB_CONFIG, "%s is not a SASL mechanism that mew-submit speaks", pinned);
  else
    msub_fail (err, MSUB_INSECURE, "%s does not offer %s (it offers: %s). No credentials and no message were sent",
               c->peer.text, pinned ? pinned : "any way to log in that is accepted here",
               smtp->caps.mechanisms[0] ? smtp->caps.mechanisms : "none");
  return NULL;
}

static bool
binding_offered (const struct msub_smtp *smtp)
{
  for (const struct msub_sasl_mechanism *m = msub_sasl_mechanisms; m->name; m++)
    if (m->binding && msub_capabilities_offer (&smtp->caps, m->name))
      return true;
  return false;
}

static int
put_secret (struct msub_smtp *smtp, const char *line, const char *shown, struct msub_error *err)
{
  smtp->c->secret = true;
  return put_line (smtp, line, shown, err);
}

/* AUTH, with the first response where there is one and the line stays short enough (RFC 4954 section 4).
   *RESPONSE holds what has still to be sent, or NULL.  */
static int
put_auth (struct msub_smtp *smtp, const char *mechanism, char **response, struct msub_error *err)
{
  char line[COMMAND_MAX], shown[64];
  snprintf (shown, sizeof shown, "AUTH %s%s", mechanism, *response ? " ****" : "");
  int n = snprintf (line, sizeof line, "AUTH %s %s", mechanism, *response && **response ? *response : "=");
  int result;
  if (*response && n > 0 && n + 2 <= COMMAND_MAX)
    {
      result = put_secret (smtp, line, shown, err);
      msub_wipe_free (response);
    }
  else
    result = put_command (smtp, err, "AUTH %s", mechanism);
  msub_wipe (line, sizeof line);
  return result;
}

/* Give the exchange up (RFC 4954 section 4): whatever the server answers, it has failed (SECURITY: E14).  */
static int
cancel_auth (struct msub_smtp *smtp)
{
  struct msub_error ignored = { 0 };
  if (put_line (smtp, "*", NULL, &ignored) == 0)
    exchange (smtp, QUIT_SECONDS, &ignored);
  return -1;
}

/* The answer to a 334.  *RESPONSE, if it is not NULL, is the first response that did not go with AUTH.  */
static int
answer_challenge (struct msub_smtp *smtp, struct msub_sasl *sasl, char **response, struct msub_error *err)
{
  const struct msub_reply *reply = last_reply (smtp);
  size_t length = reply->text_length > 0 ? reply->text_length - 1 : 0; /* without the '\n' */
  if (reply->lines != 1)
    return msub_fail (err, MSUB_PROTOCOL, "The server's authentication challenge has more than one line");
  if (!*response
      && (msub_sasl_step (sasl, reply->text, length, response, err) || remember_secret (smtp, *response, err)))
    return -1;
  if (strlen (*response) > AUTH_LINE_MAX)
    return msub_fail (err, MSUB_AUTH, "The authentication response would be longer than SMTP allows");
  int result = put_secret (smtp, *response, "****", err);
  msub_wipe_free (response);
  return result;
}

static int
run_auth (struct msub_smtp *smtp, struct msub_sasl *sasl, const struct msub_sasl_mechanism *mechanism,
          struct msub_error *err)
{
  char *response = NULL;
  int result = -1;
  if (mechanism->client_first
      && (msub_sasl_step (sasl, NULL, 0, &response, err) || remember_secret (smtp, response, err)))
    goto out;
  if (expect_silence (smtp, err) || put_auth (smtp, mechanism->name, &response, err) || exchange (smtp, AUTH_SECONDS, err))
    goto out;
  for (int steps = 0; last_reply (smtp)->code == 334; steps++)
    {
      if (steps == AUTH_STEPS_MAX)
        msub_fail (err, MSUB_PROTOCOL, "The server goes on asking during authentication");
      if (expect_silence (smtp, err))
        goto out;
      if (err->kind != MSUB_OK || answer_challenge (smtp, sasl, &response, err))
        {
          result = cancel_auth (smtp);
          goto out;
        }
      if (exchange (smtp, AUTH_SECONDS, err))
        goto out;
    }
  const char *words = msub_sasl_server_words (sasl);
  char what[500];
  snprintf (what, sizeof what, "the credentials%s%s%s", *words ? " (" : "", words, *words ? ")" : "");
  if (last_reply (smtp)->code != 235)
    reply_failed (smtp, MSUB_AUTH, what, err);
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

int
msub_smtp_auth (struct msub_smtp *smtp, const struct msub_sasl_mechanism *mechanism, const char *name,
                const char *user, const char *secret, struct msub_error *err)
{
  if (secret && remember_secret (smtp, secret, err))
    return -1;
  unsigned char binding[256];
  struct msub_sasl_options options = {
    .mechanism = mechanism,
    .user = user,
    .secret = secret,
    .host = name,
    .port = msub_address_get_port (&smtp->c->peer),
  };
  options.binding_length = msub_tls_binding (smtp->c, binding, sizeof binding, &options.exporter);
  if (options.binding_length && (mechanism->binding || !binding_offered (smtp)))
    options.binding = binding;
  struct msub_sasl *sasl = msub_sasl_new (&options, err);
  if (!sasl)
    return -1;
  int result = run_auth (smtp, sasl, mechanism, err);
  msub_sasl_free (&sasl);
  if (result == 0)
    {
      struct msub_event *event = msub_event_new (MSUB_EVENT_AUTH);
      msub_event_text (event, "mechanism", mechanism->name);
      msub_emit (smtp->c->context, event);
    }
  return result;
}

/* The envelope */

static bool
ascii (const char *s)
{
  for (; *s; s++)
    if ((unsigned char) *s > 127)
      return false;
  return true;
}

bool
msub_smtp_address_fine (const char *address, struct msub_error *err)
{
  char clean[300];
  size_t length = strlen (address);
  size_t clean_length = msub_text_clean (clean, sizeof clean, address, length);
  const char *fault = NULL;
  if (length > 254)
    fault = "it is longer than 254 octets";
  else if (clean_length != length || memcmp (clean, address, length) != 0)
    fault = "it holds control or invisible characters";
  bool quoted = false;
  for (const char *p = address; *p && !fault; p++)
    if (*p == '"')
      quoted = !quoted;
    else if (quoted && *p == '\\' && p[1])
      p++;
    else if (*p == '<' || *p == '>')
      fault = "it holds an angle bracket";
    else if (*p == ' ' && !quoted)
      fault = "it holds a space";
  if (!fault && quoted)
    fault = "a quotation mark is not closed";
  if (fault)
    msub_fail (err, MSUB_MESSAGE, "The address %s cannot be used: %s", clean, fault);
  return !fault;
}

/* The MAIL command's parameters, and what stands against them.  */
static int
put_mail (struct msub_smtp *smtp, const struct msub_envelope *envelope, const struct msub_body_facts *facts,
          struct msub_error *err)
{
  const struct msub_capabilities *caps = &smtp->caps;
  const char *odd = ascii (envelope->from) ? NULL : envelope->from;
  for (size_t i = 0; i < envelope->count && !odd; i++)
    if (!ascii (envelope->recipients[i]))
      odd = envelope->recipients[i];
  if (odd && !caps->smtputf8)
    return msub_fail (err, MSUB_MESSAGE,
                      "%s takes ASCII addresses only (no SMTPUTF8), so it cannot take mail for %s. Nothing was sent",
                      smtp->c->peer.text, odd);
  if (facts->eight_bit && !caps->eightbitmime)
    return msub_fail (err, MSUB_MESSAGE,
                      "%s takes 7-bit messages only (no 8BITMIME), and this one has 8-bit text. Nothing was sent; encode "
                      "it as quoted-printable or base64",
                      smtp->c->peer.text);
  if (caps->size && caps->size_limit > 0 && facts->octets > caps->size_limit)
    return msub_fail (err, MSUB_REFUSED,
                      "The message has %" PRIu64 " octets; %s takes at most %" PRIu64 ". Nothing was sent",
                      facts->octets, smtp->c->peer.text, caps->size_limit);
  char size[40] = "";
  if (caps->size)
    snprintf (size, sizeof size, " SIZE=%" PRIu64, facts->octets);
  bool utf8 = odd || (facts->eight_bit_header && caps->smtputf8);
  return put_command (smtp, err, "MAIL FROM:<%s>%s%s%s", envelope->from, size, facts->eight_bit ? " BODY=8BITMIME" : "",
                      utf8 ? " SMTPUTF8" : "");
}

static void
report_recipient (const struct msub_smtp *smtp, const char *address)
{
  const struct msub_reply *reply = last_reply (smtp);
  char words[400];
  msub_reply_words (reply, words, sizeof words);
  struct msub_event *event = msub_event_new (MSUB_EVENT_RECIPIENT);
  msub_event_text (event, "address", address);
  msub_event_integer (event, "code", reply->code);
  msub_event_text (event, "enhanced", reply->enhanced);
  msub_event_text (event, "text", words);
  msub_emit (smtp->c->context, event);
}

/* What has become of the envelope while its replies come in.  */
struct progress
{
  struct msub_transaction *transaction;
  struct msub_error refusal; /* the first recipient's, or a later one's that may work another time */
};

static int
note_mail (struct msub_smtp *smtp, struct msub_error *err)
{
  int code = last_reply (smtp)->code;
  if (code / 100 == 2)
    return 0;
  /* 530 and its kin: the server wants a log-in (RFC 4954 section 6).  */
  bool log_in = code == 530 || code == 534 || code == 535 || code == 538;
  return reply_failed (smtp, log_in ? MSUB_AUTH : MSUB_REFUSED, "the sender", err);
}

static int
note_recipient (struct msub_smtp *smtp, const char *address, struct progress *progress, struct msub_error *err)
{
  int class = last_reply (smtp)->code / 100;
  if (last_reply (smtp)->code == 421 || class == 3)
    return reply_failed (smtp, MSUB_REFUSED, "the recipient", err);
  report_recipient (smtp, address);
  if (class == 2)
    {
      progress->transaction->accepted++;
      return 0;
    }
  progress->transaction->refused++;
  if (progress->refusal.kind == MSUB_OK || (progress->refusal.kind == MSUB_REFUSED && class == 4))
    {
      struct msub_error refusal = { 0 };
      char what[320];
      snprintf (what, sizeof what, "the recipient %s", address);
      reply_failed (smtp, MSUB_REFUSED, what, &refusal);
      progress->refusal = refusal;
    }
  return 0;
}

/* MAIL and all RCPTs, one by one.  */
static int
send_envelope_in_steps (struct msub_smtp *smtp, const struct msub_envelope *envelope,
                        const struct msub_body_facts *facts, struct progress *progress, struct msub_error *err)
{
  if (expect_silence (smtp, err) || put_mail (smtp, envelope, facts, err) || exchange (smtp, MAIL_SECONDS, err)
      || note_mail (smtp, err))
    return -1;
  for (size_t i = 0; i < envelope->count; i++)
    if (expect_silence (smtp, err) || put_command (smtp, err, "RCPT TO:<%s>", envelope->recipients[i])
        || exchange (smtp, RCPT_SECONDS, err) || note_recipient (smtp, envelope->recipients[i], progress, err))
      return -1;
  if (progress->transaction->accepted == 0)
    return 0;
  if (expect_silence (smtp, err) || put_command (smtp, err, "DATA"))
    return -1;
  return exchange (smtp, DATA_SECONDS, err);
}

/* MAIL, all RCPTs and DATA in as few flights as may be (RFC 2920): replies belong to commands in order.  */
static int
send_envelope_in_flights (struct msub_smtp *smtp, const struct msub_envelope *envelope,
                          const struct msub_body_facts *facts, struct progress *progress, struct msub_error *err)
{
  for (size_t i = 0; i < envelope->count;)
    {
      size_t first = i, last = i + RECIPIENTS_PER_FLIGHT < envelope->count ? i + RECIPIENTS_PER_FLIGHT : envelope->count;
      bool closing = last == envelope->count;
      if (expect_silence (smtp, err) || (first == 0 && put_mail (smtp, envelope, facts, err)))
        return -1;
      for (; i < last; i++)
        if (put_command (smtp, err, "RCPT TO:<%s>", envelope->recipients[i]))
          return -1;
      if (closing && put_command (smtp, err, "DATA"))
        return -1;
      if (msub_connection_flush (smtp->c, step_deadline (smtp, RCPT_SECONDS), err))
        return -1;
      if (first == 0 && (read_reply (smtp, step_deadline (smtp, MAIL_SECONDS), err) || note_mail (smtp, err)))
        return -1;
      for (size_t j = first; j < last; j++)
        if (read_reply (smtp, step_deadline (smtp, RCPT_SECONDS), err)
            || note_recipient (smtp, envelope->recipients[j], progress, err))
          return -1;
      if (closing && read_reply (smtp, step_deadline (smtp, DATA_SECONDS), err))
        return -1;
    }
  return 0;
}

/* The message */

struct stream
{
  struct msub_smtp *smtp;
  struct msub_body body;
  uint64_t total, sent;
  msub_time reported;
  size_t length;
  char block[BLOCK_OCTETS];
  char encoded[MSUB_BODY_BOUND (READ_OCTETS)];
  char raw[READ_OCTETS];
};

static void
report_progress (struct stream *stream, bool always)
{
  if (!always && msub_now () < stream->reported + PROGRESS_INTERVAL)
    return;
  stream->reported = msub_now ();
  uint64_t waiting = msub_connection_unacknowledged (stream->smtp->c);
  uint64_t acknowledged = stream->sent > waiting ? stream->sent - waiting : 0;
  struct msub_event *event = msub_event_new (MSUB_EVENT_PROGRESS);
  msub_event_integer (event, "sent", (int64_t) (acknowledged < stream->total ? acknowledged : stream->total));
  msub_event_integer (event, "total", (int64_t) stream->total);
  msub_emit (stream->smtp->c->context, event);
}

/* The server has said something in the middle of the message, or broken the connection: what it said is why
   (SECURITY: H16).  No dot is sent.  */
static int
interrupted (struct msub_smtp *smtp, struct msub_error *err)
{
  struct msub_error broken = *err;
  *err = (struct msub_error) { 0 };
  if (read_reply (smtp, step_deadline (smtp, QUIT_SECONDS), err))
    {
      if (broken.kind != MSUB_OK)
        *err = broken;
      return -1;
    }
  return reply_failed (smtp, MSUB_REFUSED, "the message, before its end", err);
}

static int
send_block (struct stream *stream, struct msub_error *err)
{
  struct msub_smtp *smtp = stream->smtp;
  int sent = msub_connection_stream (smtp->c, stream->block, stream->length, step_usecs (smtp, BLOCK_SECONDS), err);
  if (sent < 0 && err->kind != MSUB_LOST && err->kind != MSUB_TLS)
    return -1;
  if (sent <= 0)
    return interrupted (smtp, err);
  stream->sent += stream->length;
  stream->length = 0;
  report_progress (stream, false);
  return 0;
}

static int
append (struct stream *stream, const char *octets, size_t n, struct msub_error *err)
{
  while (n > 0)
    {
      size_t room = sizeof stream->block - stream->length, part = n < room ? n : room;
      memcpy (stream->block + stream->length, octets, part);
      stream->length += part;
      octets += part;
      n -= part;
      if (stream->length == sizeof stream->block && send_block (stream, err))
        return -1;
    }
  return 0;
}

static int
send_body (struct stream *stream, int fd, const struct msub_body_facts *facts, struct msub_error *err)
{
  if (lseek (fd, 0, SEEK_SET) < 0)
    return msub_fail_errno (err, MSUB_MESSAGE, errno, "The message cannot be read");
  for (;;)
    {
      ssize_t n = read (fd, stream->raw, sizeof stream->raw);
      if (n < 0 && errno == EINTR)
        continue;
      if (n < 0)
        return msub_fail_errno (err, MSUB_MESSAGE, errno, "The message cannot be read to its end; it was not sent");
      if (n == 0)
        break;
      size_t length = msub_body_encode (&stream->body, stream->raw, (size_t) n, stream->encoded);
      if (append (stream, stream->encoded, length, err))
        return -1;
    }
  size_t length = msub_body_finish (&stream->body, stream->encoded);
  if (stream->body.facts.octets != facts->octets)
    return msub_fail (err, MSUB_MESSAGE, "The message file was changed while it was being sent; it was not sent");
  return append (stream, stream->encoded, length, err) || append (stream, ".\r\n", 3, err) ? -1 : 0;
}

/* The answer to the dot: nothing but a whole reply is an answer (SECURITY: section I).  */
static int
read_final_reply (struct msub_smtp *smtp, struct msub_error *err)
{
  struct msub_error broken = { 0 };
  if (read_reply (smtp, step_deadline (smtp, FINAL_SECONDS), &broken))
    return msub_fail (err, MSUB_UNCERTAIN,
                      "The whole message was sent, but no answer came (%s): it may or may not have been delivered, so it is "
                      "not sent again by itself",
                      broken.text);
  smtp->in_message = false;
  const struct msub_reply *reply = last_reply (smtp);
  char words[600];
  msub_reply_words (reply, words, sizeof words);
  if (reply->code / 10 == 25)
    {
      struct msub_event *event = msub_event_new (MSUB_EVENT_REPLY);
      msub_event_integer (event, "code", reply->code);
      msub_event_text (event, "enhanced", reply->enhanced);
      msub_event_text (event, "text", words);
      msub_emit (smtp->c->context, event);
      return 0;
    }
  if (reply->code >= 400)
    return reply_failed (smtp, MSUB_REFUSED, "the message", err);
  return msub_fail (err, MSUB_UNCERTAIN,
                    "The whole message was sent, but the answer makes no sense (%s): it may or may not have been delivered, "
                    "so it is not sent again by itself",
                    words);
}

static int
send_message (struct msub_smtp *smtp, int fd, const struct msub_body_facts *facts, struct msub_error *err)
{
  if (expect_silence (smtp, err))
    return -1;
  struct stream *stream = malloc (sizeof *stream);
  if (!stream)
    return msub_fail (err, MSUB_INTERNAL, "Out of memory");
  stream->smtp = smtp;
  stream->total = facts->octets;
  stream->sent = 0;
  stream->length = 0;
  stream->reported = 0;
  smtp->in_message = true;
  msub_body_reset (&stream->body, true);
  int result = send_body (stream, fd, facts, err);
  if (result == 0 && stream->length > 0)
    result = send_block (stream, err);
  if (result == 0)
    result = read_final_reply (smtp, err);
  if (result == 0)
    report_progress (stream, true);
  free (stream);
  return result;
}

int
msub_smtp_send (struct msub_smtp *smtp, const struct msub_envelope *envelope, int fd,
                const struct msub_body_facts *facts, struct msub_transaction *transaction_r, struct msub_error *err)
{
  *transaction_r = (struct msub_transaction) { 0 };
  struct progress progress = { .transaction = transaction_r };
  bool flights = smtp->caps.pipelining;
  if (flights ? send_envelope_in_flights (smtp, envelope, facts, &progress, err)
              : send_envelope_in_steps (smtp, envelope, facts, &progress, err))
    return -1;
  if (transaction_r->accepted == 0)
    {
      /* DATA may have been in the flight: a server that says 354 all the same gets a lone dot (RFC 2920 section 3.1).  */
      if (flights && last_reply (smtp)->code == 354 && put_line (smtp, ".", NULL, err) == 0)
        exchange (smtp, DATA_SECONDS, &(struct msub_error) { 0 });
      *err = progress.refusal;
      return -1;
    }
  if (last_reply (smtp)->code != 354)
    return reply_failed (smtp, MSUB_REFUSED, "DATA", err);
  return send_message (smtp, fd, facts, err);
}

/* Leaving */

bool
msub_smtp_secure (const struct msub_smtp *smtp)
{
  return smtp->tls;
}

void
msub_smtp_quit (struct msub_smtp *smtp)
{
  struct msub_error ignored = { 0 };
  if (!smtp->in_message && put_line (smtp, "QUIT", NULL, &ignored) == 0)
    msub_connection_flush_try (smtp->c);
}

void
msub_smtp_quit_wait (struct msub_smtp *smtp)
{
  struct msub_error ignored = { 0 };
  read_reply (smtp, step_deadline (smtp, QUIT_SECONDS), &ignored);
}
