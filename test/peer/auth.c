/* auth.c --- the SASL exchange, as GNU SASL does it or as the script spoils it.

   RFC 4954 (AUTH), 4616 (PLAIN), 5802 and 7677 (SCRAM), 9266 (tls-exporter), 7628 (OAUTHBEARER).
   SPDX-License-Identifier: GPL-3.0-or-later  */

#define _GNU_SOURCE
#include "peer.h"

#include <gsasl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define RESPONSE_MAX (12288 + 2) /* RFC 4954, section 4 */
#define CHALLENGES_MAX 10000

static const char strong[] = "SCRAM-SHA-256-PLUS+SCRAM-SHA-256+SCRAM-SHA-1+PLAIN+LOGIN";
static const char without_plus[] = "SCRAM-SHA-256+SCRAM-SHA-1+PLAIN+LOGIN";

/* One exchange.  */
struct exchange
{
  struct conn *c;
  const char *mechanism;
  Gsasl *context;
  Gsasl_session *session; /* NULL for the bearer tokens, which GNU SASL does not have */
  unsigned turns;
  bool begun;         /* the first response came */
  bool forced;        /* whatever comes next, 235 */
  bool doomed;        /* whatever comes next, 535 */
  bool undecodable;   /* the response was no base64 */
  bool proved;        /* the client did show that it has the password */
  char *client_first; /* SCRAM */
  char *response;     /* the last one, as it came */
};

enum move { CHALLENGE, SUCCESS, FAILURE };

const char *
auth_mechanisms (const struct conn *c)
{
  const struct script *s = c->script;
  return s->mechs ? s->mechs : s->strip_plus ? without_plus : strong;
}

/* --- GNU SASL ----------------------------------------------------------------------------- */

static int
set_binding (Gsasl_session *session, struct conn *c, Gsasl_property property)
{
  bool new = property == GSASL_CB_TLS_EXPORTER;
  gnutls_datum_t data = { NULL, 0 };
  char *base64 = NULL;
  int r = GSASL_NO_CB_TLS_UNIQUE;
  /* Only for -PLUS: with the data at hand GNU SASL refuses the flag `y' in plain SCRAM, and
     whether that is right depends on what was offered; see downgraded.  */
  const char *mechanism = gsasl_mechanism_name (session);
  if (!mechanism || !strstr (mechanism, "-PLUS"))
    return r;
  gnutls_channel_binding_t type = new ? GNUTLS_CB_TLS_EXPORTER : GNUTLS_CB_TLS_UNIQUE;
  if (c->tls && gnutls_session_channel_binding (c->wire.tls, type, &data) == 0)
    {
      if (c->script->cb_mismatch)
        data.data[0] ^= 0xFF;
      r = gsasl_base64_to ((char *) data.data, data.size, &base64, NULL);
    }
  if (r == GSASL_OK)
    r = gsasl_property_set (session, property, base64);
  gsasl_free (base64);
  gnutls_free (data.data);
  return r;
}

static int
validate (Gsasl_session *session)
{
  const char *user = gsasl_property_get (session, GSASL_AUTHID);
  const char *password = gsasl_property_get (session, GSASL_PASSWORD);
  bool good = user && password && strcmp (user, options.user) == 0
              && strcmp (password, options.password) == 0;
  return good ? GSASL_OK : GSASL_AUTHENTICATION_ERROR;
}

static int
callback (Gsasl *context, Gsasl_session *session, Gsasl_property property)
{
  struct conn *c = gsasl_callback_hook_get (context);
  const char *user = gsasl_property_fast (session, GSASL_AUTHID);
  char iterations[24];
  switch (property)
    {
    case GSASL_PASSWORD:
      if (!user || strcmp (user, options.user) != 0)
        return GSASL_NO_PASSWORD;
      return gsasl_property_set (session, property, options.password);
    case GSASL_SCRAM_ITER:
      snprintf (iterations, sizeof iterations, "%ld",
                c->script->iterations > 0 && !c->script->server_first.p ? c->script->iterations
                                                                        : 4096);
      return gsasl_property_set (session, property, iterations);
    case GSASL_CB_TLS_UNIQUE:
    case GSASL_CB_TLS_EXPORTER:
      return set_binding (session, c, property);
    case GSASL_HOSTNAME:
      return gsasl_property_set (session, property, c->script->host);
    case GSASL_REALM:
      return gsasl_property_set (session, property, "");
    case GSASL_VALIDATE_SIMPLE:
      return validate (session);
    case GSASL_VALIDATE_EXTERNAL:
      if (c->tls && gnutls_certificate_get_peers (c->wire.tls, NULL))
        return GSASL_OK;
      return GSASL_AUTHENTICATION_ERROR;
    default:
      return GSASL_NO_CALLBACK;
    }
}

/* --- SCRAM messages as the script wants them ---------------------------------------------- */

static char *
decode (const char *base64)
{
  char *p = NULL;
  size_t n = 0;
  if (gsasl_base64_from (base64, strlen (base64), &p, &n) != GSASL_OK)
    return need (strdup (""));
  char *text = need (calloc (1, n + 1));
  memcpy (text, p, n);
  gsasl_free (p);
  return text;
}

static char *
encode (const char *text, size_t n)
{
  char *base64 = NULL;
  if (gsasl_base64_to (text, n, &base64, NULL) != GSASL_OK)
    die ("out of memory");
  return base64;
}

/* The value of attribute A in the SCRAM message TEXT.  The caller frees it.  */
static char *
attribute (const char *text, char a)
{
  for (const char *p = text; p && *p; p = strchr (p, ','), p = p ? p + 1 : NULL)
    if (p[0] == a && p[1] == '=')
      return need (strndup (p + 2, strcspn (p + 2, ",")));
  return need (strdup (""));
}

/* FORMAT with $r, $s, $i, $v from the true message TRUE_TEXT, and $c from the client-first.  */
static char *
scram_message (const struct exchange *x, const struct text *format, const char *true_text,
               size_t *n_r)
{
  char *out = NULL;
  FILE *f = need (open_memstream (&out, n_r));
  for (size_t i = 0; i < format->n; i++)
    {
      char a = i + 1 < format->n ? format->p[i + 1] : '\0';
      if (format->p[i] != '$' || !a || !strchr ("rsivc", a))
        {
          putc (format->p[i], f);
          continue;
        }
      char *value = a == 'c' ? attribute (x->client_first ? x->client_first : "", 'r')
                             : attribute (true_text, a);
      fputs (value, f);
      free (value);
      i++;
    }
  fclose (f);
  return out;
}

/* RFC 5802, section 6: the client could have bound, and thinks that we could not.  */
static bool
downgraded (const struct exchange *x)
{
  const struct script *s = x->c->script;
  return x->client_first && strncmp (x->client_first, "y,", 2) == 0
         && (s->strip_plus || strstr (auth_mechanisms (x->c), "-PLUS"));
}

static enum move
say (const char *text, size_t n, char **challenge_r)
{
  gsasl_free (*challenge_r);
  *challenge_r = encode (text, n);
  return CHALLENGE;
}

/* Server-first or server-final TRUE_TEXT is at hand: what does the script make of it?  */
static enum move
scram_move (struct exchange *x, const char *true_text, char **challenge_r)
{
  const struct script *s = x->c->script;
  bool first = true_text[0] == 'r';
  const struct text *format = first ? &s->server_first : &s->server_final;
  static const char error[] = "e=other-error";
  if (first && downgraded (x))
    {
      violation (x->c, "scram-y-though-plus-offered", NULL);
      return FAILURE;
    }
  if (first ? s->ok_after_client_first : s->no_server_final)
    return SUCCESS;
  if (first ? s->error_first : s->error_attr)
    {
      x->forced = true;
      return say (error, sizeof error - 1, challenge_r);
    }
  if (format->p)
    {
      size_t n;
      char *text = scram_message (x, format, true_text, &n);
      say (text, n, challenge_r);
      free (text);
    }
  else if (!first && s->wrong_signature)
    {
      char *text = need (strdup (true_text));
      text[2] = text[2] == 'A' ? 'B' : 'A';
      say (text, strlen (text), challenge_r);
      free (text);
    }
  return CHALLENGE;
}

/* --- the next move ------------------------------------------------------------------------ */

static enum move
gsasl_move (struct exchange *x, const char *response, char **challenge_r)
{
  bool login = strcasecmp (x->mechanism, "LOGIN") == 0;
  /* GNU SASL asks for the user name in any case, so let it, when the answer is here already.  */
  if (login && response && x->turns == 0)
    {
      gsasl_step64 (x->session, NULL, challenge_r);
      gsasl_free (*challenge_r);
    }
  *challenge_r = NULL;
  int r = gsasl_step64 (x->session, response, challenge_r);
  if (r == GSASL_BASE64_ERROR)
    {
      violation (x->c, "bad-base64", response);
      x->undecodable = true;
    }
  if (r != GSASL_OK && r != GSASL_NEEDS_MORE)
    return FAILURE;
  x->proved = r == GSASL_OK;
  char *text = decode (*challenge_r ? *challenge_r : "");
  bool scram = strncasecmp (x->mechanism, "SCRAM-", 6) == 0;
  enum move move = r == GSASL_OK && !*text ? SUCCESS : CHALLENGE;
  x->forced = x->forced || (r == GSASL_OK && *text);
  if (scram && *text)
    move = scram_move (x, text, challenge_r);
  free (text);
  return move;
}

/* Does the command of --token-check, which asks the issuer, take the token at TOKEN?  */
static bool
issuer_takes (const char *token)
{
  FILE *f = popen (options.token_check, "w");
  if (!f)
    return false;
  fprintf (f, "%s\n%.*s\n", options.user, (int) strcspn (token, "\1"), token);
  return pclose (f) == 0;
}

/* XOAUTH2 and OAUTHBEARER: the password is the token, where nobody is asked.  */
static enum move
bearer_move (struct exchange *x, const char *response, char **challenge_r)
{
  static const char json[] = "{\"status\":\"400\",\"schemes\":\"Bearer\","
                             "\"scope\":\"https://mail.example.org/\"}";
  bool x2 = strcasecmp (x->mechanism, "XOAUTH2") == 0;
  if (!response || !*response)
    return say ("", 0, challenge_r);
  char *text = decode (response);
  char *user = printed (x2 ? "user=%s\1" : "n,a=%s,\1", options.user);
  bool ask = options.token_check != NULL;
  char *token = ask ? printed ("\1auth=Bearer ")
                    : printed ("\1auth=Bearer %s\1\1", options.password);
  const char *found = strstr (text, token);
  bool good = !x->c->script->xoauth2_json && strncmp (text, user, strlen (user)) == 0 && found
              && (ask ? issuer_takes (found + strlen (token)) : !found[strlen (token)]);
  free (text);
  free (user);
  free (token);
  x->proved = good;
  if (good)
    return SUCCESS;
  x->doomed = true;
  return say (json, sizeof json - 1, challenge_r);
}

/* RESPONSE is base64, or NULL where the client has sent none yet.  The caller frees
   *CHALLENGE_R with gsasl_free.  */
static enum move
next_move (struct exchange *x, const char *response, char **challenge_r)
{
  const struct script *s = x->c->script;
  if (response && *response && !x->client_first)
    x->client_first = decode (response);
  free (x->response);
  x->response = need (strdup (response ? response : ""));
  if (s->endless_challenges)
    return say ("more", 4, challenge_r);
  if (s->challenge.p && x->turns == 0)
    {
      x->doomed = true;
      return CHALLENGE; /* the text is put in by compose */
    }
  if (x->forced)
    return SUCCESS;
  if (x->doomed)
    return FAILURE;
  return x->session && !s->xoauth2_json ? gsasl_move (x, response, challenge_r)
                                        : bearer_move (x, response, challenge_r);
}

/* --- the exchange ------------------------------------------------------------------------- */

/* The reply that goes with MOVE.  The caller frees it.  */
static char *
compose (const struct exchange *x, enum move move, const char *challenge)
{
  const struct script *s = x->c->script;
  if (move == CHALLENGE && s->challenge.p && x->turns == 0)
    return printed ("334 %s\r\n", s->challenge.p);
  if (move == CHALLENGE)
    return printed ("334 %s\r\n", challenge ? challenge : "");
  if (s->echo_credentials)
    return printed ("535 5.7.8 Cannot use %s: user %s, password %s\r\n", x->response,
                    options.user, options.password);
  if (move == SUCCESS)
    return printed ("235 2.7.0 Authentication successful\r\n");
  return printed (x->undecodable ? "501 5.5.2 Cannot decode that\r\n"
                                 : "535 5.7.8 Authentication credentials invalid\r\n");
}

static void
note_result (struct exchange *x)
{
  struct conn *c = x->c;
  const char *user = x->session ? gsasl_property_fast (x->session, GSASL_AUTHID) : options.user;
  c->authenticated = c->code == 235;
  snprintf (c->mechanism, sizeof c->mechanism, "%s", x->mechanism);
  snprintf (c->user, sizeof c->user, "%s", user ? user : "");
  log_event (c, "auth", "ssdbd", "mechanism", c->mechanism, "user", user, "code",
             (long long) c->code, "proved", x->proved, "turns",
             (long long) x->turns);
}

/* The client said `*'.  */
static int
cancelled (struct exchange *x)
{
  struct conn *c = x->c;
  enum step step = scripted (c, STEP_AUTH_END) ? STEP_AUTH_END : STEP_AUTH_STEP;
  int r = answer (c, step, "2", c->script->ok_after_cancel
                                  ? "235 2.7.0 Authentication successful\r\n"
                                  : "501 5.7.0 Authentication cancelled\r\n");
  if (c->code != 0)
    note_result (x);
  return r < 0 ? -1 : 0;
}

static int
converse (struct exchange *x, const char *initial)
{
  struct conn *c = x->c;
  const char *response = initial;
  for (x->turns = 0; x->turns < CHALLENGES_MAX; x->turns++)
    {
      char *challenge = NULL;
      enum move move = next_move (x, response, &challenge);
      char *reply = compose (x, move, challenge);
      enum step step = x->turns == 0 ? STEP_AUTH : STEP_AUTH_STEP;
      if (move != CHALLENGE && scripted (c, STEP_AUTH_END))
        step = STEP_AUTH_END;
      int r = answer (c, step, "", reply);
      gsasl_free (challenge);
      free (reply);
      if (c->code != 0 && c->code != 334)
        {
          note_result (x);
          return r < 0 ? -1 : 0;
        }
      if (r < 0 || !read_line (c, RESPONSE_MAX))
        return -1;
      if (strcmp (c->line, "*") == 0)
        return cancelled (x);
      response = c->line;
    }
  return -1;
}

static int
run (struct conn *c, const char *mechanism, const char *initial)
{
  struct exchange x = { .c = c, .mechanism = mechanism };
  int r = -1;
  if (gsasl_init (&x.context) != GSASL_OK)
    die ("GNU SASL does not start");
  gsasl_callback_set (x.context, callback);
  gsasl_callback_hook_set (x.context, c);
  bool bearer = strcasecmp (mechanism, "XOAUTH2") == 0
                || strcasecmp (mechanism, "OAUTHBEARER") == 0;
  if (!bearer && gsasl_server_start (x.context, mechanism, &x.session) != GSASL_OK)
    r = answer (c, STEP_AUTH, "2", "504 5.5.4 Unrecognized authentication type\r\n");
  else
    r = converse (&x, initial && strcmp (initial, "=") == 0 ? "" : initial);
  if (x.session)
    gsasl_finish (x.session);
  gsasl_done (x.context);
  free (x.client_first);
  free (x.response);
  return r < 0 ? -1 : 0;
}

/* Is MECHANISM a whole word of LIST?  */
static bool
listed (const char *list, const char *mechanism)
{
  size_t n = strlen (mechanism);
  for (const char *p = list; p && *p && *p != '\n'; p += strcspn (p, " \n"))
    {
      p += strspn (p, " ");
      if (strncasecmp (p, mechanism, n) == 0 && (p[n] == ' ' || p[n] == '\n'))
        return true;
    }
  return false;
}

int
auth_command (struct conn *c, const char *arguments)
{
  size_t n = strcspn (arguments, " ");
  char *mechanism = need (strndup (arguments, n));
  char *initial = arguments[n] ? need (strdup (arguments + n + 1)) : NULL;
  const char *fault = c->authenticated ? "auth-twice" : c->in_transaction ? "auth-in-transaction"
                      : !c->greeted ? "auth-before-ehlo"
                      : !listed (offered (c, "AUTH"), mechanism) ? "mechanism-not-offered" : NULL;
  int r;
  if (fault)
    violation (c, fault, mechanism);
  if (!options.user)
    r = answer (c, STEP_AUTH, "2", "502 5.5.1 AUTH is not offered\r\n");
  else if (!fault)
    r = run (c, mechanism, initial);
  else
    r = answer (c, STEP_AUTH, "2", strcmp (fault, "mechanism-not-offered") != 0
                                     ? "503 5.5.1 Not now\r\n"
                                   : c->tls ? "504 5.5.4 Unrecognized authentication type\r\n"
                                            : "538 5.7.11 Encryption required\r\n");
  c->authenticated = c->authenticated || (r == 1 && c->code == 235);
  free (mechanism);
  free (initial);
  return r < 0 ? -1 : 0;
}
