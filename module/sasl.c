/* sasl.c --- authentication exchanges, by GNU SASL.

   Floor 4.  The one file that includes GNU SASL.
   SPDX-License-Identifier: GPL-3.0-or-later  */

#define _GNU_SOURCE
#include "sasl.h"
#include "salted.h"

#include <gsasl.h>
#include <gsasl-mech.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* RFC 7677 section 4 asks for 4096 at least; libgsasl takes any number, and would compute for minutes.  */
#define ITERATIONS_MIN 4096
#define ITERATIONS_MAX 1000000

const struct msub_sasl_mechanism msub_sasl_mechanisms[] = {
  { "SCRAM-SHA-256-PLUS", true, true, true, MSUB_SASL_PASSWORD },
  { "SCRAM-SHA-1-PLUS", true, true, true, MSUB_SASL_PASSWORD },
  { "SCRAM-SHA-256", true, false, true, MSUB_SASL_PASSWORD },
  { "SCRAM-SHA-1", true, false, true, MSUB_SASL_PASSWORD },
  { "PLAIN", true, false, true, MSUB_SASL_PASSWORD },
  { "LOGIN", true, false, false, MSUB_SASL_PASSWORD },
  { "OAUTHBEARER", false, false, true, MSUB_SASL_TOKEN },
  { "XOAUTH2", false, false, true, MSUB_SASL_TOKEN },
  { "GSSAPI", false, false, true, MSUB_SASL_NOTHING },
  { "EXTERNAL", false, false, true, MSUB_SASL_NOTHING },
  { 0 },
};

struct msub_sasl
{
  const struct msub_sasl_mechanism *mechanism;
  Gsasl *gsasl;
  Gsasl_session *session;
  char *password; /* SCRAM's: the library gets the salted one */
  bool complete, iterations_checked, token_said;
  uint16_t port;
  /* Of the step that is being made.  */
  const struct msub_context *context;
  msub_time deadline;
  struct msub_error *err;
  char server_words[400];
};

const char *
msub_sasl_version (void)
{
  return gsasl_check_version (NULL);
}

void
msub_sasl_disguise (const char *secret, char *disguises_r[MSUB_SASL_DISGUISES])
{
  size_t length = strlen (secret);
  for (size_t before = 0; before < MSUB_SASL_DISGUISES; before++)
    {
      disguises_r[before] = NULL;
      /* The octets at both ends share characters with their neighbours: only what is the secret's alone is the same in
         every text.  */
      size_t skipped = (3 - before) % 3, whole = length > skipped ? (length - skipped) / 3 * 3 : 0;
      if (whole >= 3)
        gsasl_base64_to (secret + skipped, whole, &disguises_r[before], NULL);
    }
}

/* OAuth 2.0 bearer tokens, which libgsasl 2.2 does not have: OAUTHBEARER (RFC 7628) and its forerunner XOAUTH2 */

/* Copy USER to DST as a saslname (RFC 5801 section 4): "," and "=" are special.  */
static void
put_saslname (char *dst, size_t size, const char *user)
{
  size_t n = 0;
  for (; *user && n + 4 < size; user++)
    if (*user == ',' || *user == '=')
      n += (size_t) snprintf (dst + n, size - n, "=%s", *user == ',' ? "2C" : "3D");
    else
      dst[n++] = *user;
  dst[n] = '\0';
}

static int
bearer_message (Gsasl_session *session, bool xoauth2, char **output, size_t *output_length)
{
  const struct msub_sasl *sasl = gsasl_session_hook_get (session);
  const char *user = gsasl_property_get (session, GSASL_AUTHID);
  const char *token = gsasl_property_get (session, GSASL_PASSWORD);
  const char *host = gsasl_property_get (session, GSASL_HOSTNAME);
  char name[800];
  if (!user || !token || !host)
    return GSASL_NO_PASSWORD;
  put_saslname (name, sizeof name, user);
  /* Not asprintf: it grows its buffer, and leaves copies of the token behind.  */
  size_t size = strlen (user) + sizeof name + strlen (token) + strlen (host) + 64;
  *output = malloc (size);
  if (!*output)
    return GSASL_MALLOC_ERROR;
  int length = xoauth2
                 ? snprintf (*output, size, "user=%s\001auth=Bearer %s\001\001", user, token)
                 : snprintf (*output, size, "n,a=%s,\001host=%s\001port=%u\001auth=Bearer %s\001\001", name, host,
                             (unsigned) sasl->port, token);
  *output_length = (size_t) length;
  return GSASL_OK;
}

/* The first message says all there is to say, and is said once.  A challenge after it is the server's refusal, in JSON, and wants
   an answer before the refusal proper comes; nothing in it is followed (SECURITY: E19).  So does any that comes then.  */
static int
bearer_step (Gsasl_session *session, bool xoauth2, const char *input, size_t input_length, char **output,
             size_t *output_length)
{
  struct msub_sasl *sasl = gsasl_session_hook_get (session);
  if (!sasl->token_said)
    {
      sasl->token_said = true;
      return bearer_message (session, xoauth2, output, output_length);
    }
  if (!sasl->server_words[0])
    msub_text_clean (sasl->server_words, sizeof sasl->server_words, input ? input : "", input_length);
  *output = strdup (xoauth2 ? "" : "\001");
  *output_length = xoauth2 ? 0 : 1;
  return *output ? GSASL_NEEDS_MORE : GSASL_MALLOC_ERROR;
}

static int
oauthbearer_step (Gsasl_session *session, void *data, const char *input, size_t input_length, char **output,
                  size_t *output_length)
{
  (void) data;
  return bearer_step (session, false, input, input_length, output, output_length);
}

static int
xoauth2_step (Gsasl_session *session, void *data, const char *input, size_t input_length, char **output,
              size_t *output_length)
{
  (void) data;
  return bearer_step (session, true, input, input_length, output, output_length);
}

static int
register_bearer (Gsasl *library)
{
  static const Gsasl_mechanism oauthbearer = { .name = "OAUTHBEARER", .client = { .step = oauthbearer_step } };
  static const Gsasl_mechanism xoauth2 = { .name = "XOAUTH2", .client = { .step = xoauth2_step } };
  int code = gsasl_register (library, &oauthbearer);
  return code == GSASL_OK ? gsasl_register (library, &xoauth2) : code;
}

/* What CODE means.  gsasl_strerror would bind a catalogue each time, under a lock of glibc that all threads share; jobs that did so
   at once have hung in it for ever.  */
static const char *
meaning (int code)
{
  switch (code)
    {
    case GSASL_MALLOC_ERROR:
      return "out of memory";
    case GSASL_SASLPREP_ERROR:
      return "the user name or the password has characters that none may have";
    case GSASL_GSSAPI_INIT_SEC_CONTEXT_ERROR:
      return "Kerberos has no ticket for this server; kinit gets one, and klist shows them";
    }
  const char *name = gsasl_strerror_name (code);
  return name ? name : "an error that GNU SASL has no name for";
}

static int
step_failed (int code, struct msub_error *err)
{
  if (code == GSASL_AUTHENTICATION_ERROR)
    return msub_fail (err, MSUB_INSECURE,
                      "The server could not prove that it knows the password: it may be an impostor");
  if (code == GSASL_MECHANISM_PARSE_ERROR || code == GSASL_BASE64_ERROR)
    return msub_fail (err, MSUB_PROTOCOL, "The server's authentication challenge is malformed");
  return msub_fail (err, MSUB_AUTH, "Authentication failed: %s", meaning (code));
}

/* SCRAM (RFC 5802, RFC 7677): the library never gets the password */

static bool
is_scram (const struct msub_sasl_mechanism *mechanism)
{
  return strncmp (mechanism->name, "SCRAM-", 6) == 0;
}

/* SASLprep leaves these as they are (RFC 4013), so that no library needs to see them.  */
static bool
is_printable_ascii (const char *text)
{
  while (*text >= ' ' && *text <= '~')
    text++;
  return *text == '\0';
}

/* The library asks for the salted password once it has read how the server wants it.  What fails is said in the step's ERR.  */
static int
on_scram_question (Gsasl *library, Gsasl_session *session, Gsasl_property property)
{
  struct msub_sasl *sasl = gsasl_session_hook_get (session);
  char *prepared = NULL, *octets = NULL, hex[MSUB_SALTED_HEX];
  (void) library;
  if (property != GSASL_SCRAM_SALTED_PASSWORD)
    return GSASL_NO_CALLBACK;
  const char *salt = gsasl_property_fast (session, GSASL_SCRAM_SALT);
  const char *iterations = gsasl_property_fast (session, GSASL_SCRAM_ITER);
  struct msub_salting what = { .sha256 = strncmp (sasl->mechanism->name, "SCRAM-SHA-256", 13) == 0 };
  int code = salt && iterations ? gsasl_base64_from (salt, strlen (salt), &octets, &what.salt_length) : GSASL_MALLOC_ERROR;
  if (code == GSASL_OK && !is_printable_ascii (sasl->password))
    code = gsasl_saslprep (sasl->password, GSASL_ALLOW_UNASSIGNED, &prepared, NULL);
  if (code == GSASL_OK)
    {
      what.password = prepared ? prepared : sasl->password;
      what.salt = octets;
      what.iterations = (unsigned) strtoul (iterations, NULL, 10);
      code = msub_salted_password (&what, sasl->context, sasl->deadline, hex, sasl->err)
               ? GSASL_NO_PASSWORD
               : gsasl_property_set (session, GSASL_SCRAM_SALTED_PASSWORD, hex);
      msub_wipe (hex, sizeof hex);
    }
  /* What ended the wait has been said.  */
  if (code != GSASL_OK && sasl->err->kind == MSUB_OK)
    step_failed (code, sasl->err);
  msub_wipe_free (&prepared);
  gsasl_free (octets);
  return code;
}

/* Setting up */

static int
set_binding (struct msub_sasl *sasl, const struct msub_sasl_options *options)
{
  char *binding = NULL;
  int code = gsasl_base64_to ((const char *) options->binding, options->binding_length, &binding, NULL);
  if (code == GSASL_OK)
    code = gsasl_property_set (sasl->session, options->exporter ? GSASL_CB_TLS_EXPORTER : GSASL_CB_TLS_UNIQUE, binding);
  gsasl_free (binding);
  return code;
}

static int
set_properties (struct msub_sasl *sasl, const struct msub_sasl_options *options)
{
  const struct
  {
    Gsasl_property property;
    const char *value;
  } properties[] = {
    { GSASL_AUTHID, options->user },
    { GSASL_PASSWORD, sasl->password ? NULL : options->secret },
    { GSASL_SERVICE, "smtp" },
    { GSASL_HOSTNAME, options->host },
    /* EXTERNAL and GSSAPI name whom to act for here; the others name it with AUTHID.  */
    { GSASL_AUTHZID, options->mechanism->secret == MSUB_SASL_NOTHING ? options->user : NULL },
  };
  for (size_t i = 0; i < sizeof properties / sizeof *properties; i++)
    if (properties[i].value)
      {
        int code = gsasl_property_set (sasl->session, properties[i].property, properties[i].value);
        if (code != GSASL_OK)
          return code;
      }
  return options->binding ? set_binding (sasl, options) : GSASL_OK;
}

struct msub_sasl *
msub_sasl_new (const struct msub_sasl_options *options, struct msub_error *err)
{
  struct msub_sasl *sasl = calloc (1, sizeof *sasl);
  if (!sasl)
    {
      msub_fail (err, MSUB_INTERNAL, "Out of memory");
      return NULL;
    }
  sasl->mechanism = options->mechanism;
  sasl->port = options->port;
  int code = gsasl_init (&sasl->gsasl);
  if (code == GSASL_OK && is_scram (sasl->mechanism) && options->secret)
    {
      gsasl_callback_set (sasl->gsasl, on_scram_question);
      sasl->password = strdup (options->secret);
      code = sasl->password ? GSASL_OK : GSASL_MALLOC_ERROR;
    }
  if (code == GSASL_OK)
    code = register_bearer (sasl->gsasl);
  if (code == GSASL_OK)
    code = gsasl_client_start (sasl->gsasl, options->mechanism->name, &sasl->session);
  if (code == GSASL_OK)
    {
      gsasl_session_hook_set (sasl->session, sasl);
      code = set_properties (sasl, options);
    }
  if (code != GSASL_OK)
    {
      msub_fail (err, MSUB_AUTH, "%s cannot be used: %s", options->mechanism->name, meaning (code));
      msub_sasl_free (&sasl);
    }
  return sasl;
}

/* The library frees its copies without wiping them.  */
static void
wipe_property (Gsasl_session *session, Gsasl_property property)
{
  const char *value = gsasl_property_fast (session, property);
  if (value)
    msub_wipe ((char *) (uintptr_t) value, strlen (value));
}

void
msub_sasl_free (struct msub_sasl **sasl)
{
  if (!*sasl)
    return;
  if ((*sasl)->session)
    {
      wipe_property ((*sasl)->session, GSASL_PASSWORD);
      wipe_property ((*sasl)->session, GSASL_SCRAM_SALTED_PASSWORD);
      gsasl_finish ((*sasl)->session);
    }
  if ((*sasl)->gsasl)
    gsasl_done ((*sasl)->gsasl);
  msub_wipe_free (&(*sasl)->password);
  free (*sasl);
  *sasl = NULL;
}

bool
msub_sasl_complete (const struct msub_sasl *sasl)
{
  return sasl->complete;
}

const char *
msub_sasl_server_words (const struct msub_sasl *sasl)
{
  return sasl->server_words;
}

/* The exchange */

/* Check "i=" in SCRAM's server-first-message (RFC 5802 section 5.1) before the library computes anything.  */
static int
check_iterations (const char *message, size_t n, struct msub_error *err)
{
  const char *end = message + n;
  for (const char *p = message; p < end;)
    {
      const char *comma = memchr (p, ',', (size_t) (end - p));
      const char *stop = comma ? comma : end;
      if (stop - p >= 2 && p[0] == 'i' && p[1] == '=')
        {
          long count = 0;
          const char *digit = p + 2;
          while (digit < stop && *digit >= '0' && *digit <= '9' && count <= ITERATIONS_MAX)
            count = count * 10 + (*digit++ - '0');
          if (digit == stop && digit > p + 2 && count >= ITERATIONS_MIN && count <= ITERATIONS_MAX)
            return 0;
          /* Quoted where it is a number: what else a server puts there may be a secret.  */
          char asked[24] = "no number of";
          if (digit == stop && digit > p + 2)
            snprintf (asked, sizeof asked, "%ld", count);
          return msub_fail (err, MSUB_INSECURE,
                            "The server asks for %s SCRAM iterations; from %d to %d are accepted. The password was not used",
                            asked, ITERATIONS_MIN, ITERATIONS_MAX);
        }
      p = stop + 1;
    }
  return msub_fail (err, MSUB_PROTOCOL, "The server's SCRAM message names no iteration count");
}

/* The server says in SCRAM's own words that it refuses (RFC 5802 section 5.1, server-error).  The exchange is given up, and the
   refusal proper is the answer to that.  */
static int
take_server_error (struct msub_sasl *sasl, const char *message, size_t n, char **response_r, struct msub_error *err)
{
  msub_text_clean (sasl->server_words, sizeof sasl->server_words, message, n);
  *response_r = strdup ("*");
  return *response_r ? 0 : msub_fail (err, MSUB_INTERNAL, "Out of memory");
}

/* A step that may ask a Kerberos server (GSSAPI), which no deadline and no cancel can interrupt.  */
struct ticket
{
  struct msub_errand errand;
  Gsasl *gsasl;
  Gsasl_session *session;
  char *message, *response;
  size_t message_length, response_length;
  int code;
};

static void
ticket_get (struct msub_errand *errand)
{
  struct ticket *ticket = (struct ticket *) errand;
  ticket->code = gsasl_step (ticket->session, ticket->message, ticket->message_length, &ticket->response,
                             &ticket->response_length);
}

static void
ticket_late (struct msub_errand *errand, struct msub_error *err)
{
  (void) errand;
  msub_fail (err, MSUB_TIMEOUT, "No Kerberos server gave a ticket for the mail server in time");
}

static void
ticket_dispose (struct msub_errand *errand)
{
  struct ticket *ticket = (struct ticket *) errand;
  if (ticket->session)
    gsasl_finish (ticket->session);
  if (ticket->gsasl)
    gsasl_done (ticket->gsasl);
  gsasl_free (ticket->message);
  gsasl_free (ticket->response);
  free (ticket);
}

/* As gsasl_step, or -1 with ERR.  MESSAGE is taken over.  */
static int
step_apart (struct msub_sasl *sasl, char *message, size_t n, const struct msub_context *context, msub_time deadline,
            char **response_r, size_t *length_r, struct msub_error *err)
{
  struct ticket *ticket = calloc (1, sizeof *ticket);
  if (!ticket)
    {
      gsasl_free (message);
      return GSASL_MALLOC_ERROR;
    }
  *ticket = (struct ticket) {
    .errand = { ticket_get, ticket_late, ticket_dispose },
    .gsasl = sasl->gsasl, .session = sasl->session, .message = message, .message_length = n,
  };
  sasl->gsasl = NULL;
  sasl->session = NULL;
  struct msub_errand *errand = &ticket->errand;
  if (msub_wait_errand (context, errand, deadline, err))
    return -1;
  int code = ticket->code;
  sasl->gsasl = ticket->gsasl;
  sasl->session = ticket->session;
  *response_r = ticket->response;
  *length_r = ticket->response_length;
  ticket->gsasl = NULL;
  ticket->session = NULL;
  ticket->response = NULL;
  ticket_dispose (errand);
  return code;
}

/* The exchange's next step: as gsasl_step, or -1 with ERR.  *MESSAGE is taken over.  */
static int
step (struct msub_sasl *sasl, char **message, size_t n, const struct msub_context *context, msub_time deadline,
      char **response_r, size_t *length_r, struct msub_error *err)
{
  if (!sasl->session)
    return GSASL_AUTHENTICATION_ERROR;
  if (strcmp (sasl->mechanism->name, "GSSAPI") != 0)
    {
      sasl->context = context;
      sasl->deadline = deadline;
      sasl->err = err;
      int code = gsasl_step (sasl->session, *message, n, response_r, length_r);
      return err->kind == MSUB_OK ? code : -1;
    }
  char *taken = *message;
  *message = NULL;
  return step_apart (sasl, taken, n, context, deadline, response_r, length_r, err);
}

/* The message in the N octets of CHALLENGE.  What a server says to a token is its refusal, whatever it looks like (SECURITY:
   E19).  Returns GSASL_OK or why not.  */
static int
decode (const struct msub_sasl *sasl, const char *challenge, size_t n, char **message_r, size_t *length_r)
{
  int code = n ? gsasl_base64_from (challenge, n, message_r, length_r) : GSASL_OK;
  if (code == GSASL_BASE64_ERROR && sasl->mechanism->secret == MSUB_SASL_TOKEN)
    {
      *message_r = malloc (n); /* not strndup, which ends at a NUL */
      *length_r = *message_r ? n : 0;
      if (*message_r)
        memcpy (*message_r, challenge, n);
      code = GSASL_OK;
    }
  return code;
}

int
msub_sasl_step (struct msub_sasl *sasl, const char *challenge, size_t n, const struct msub_context *context,
                msub_time deadline, char **response_r, struct msub_error *err)
{
  *response_r = NULL;
  bool scram = is_scram (sasl->mechanism);
  if ((sasl->complete && sasl->mechanism->secret != MSUB_SASL_TOKEN) || (scram && sasl->server_words[0]))
    return msub_fail (err, MSUB_PROTOCOL, "The server goes on asking after the authentication exchange has ended");
  /* LOGIN's prompts mean nothing, and some are no base64 (draft-murchison-sasl-login; SECURITY: E15).  */
  if (strcmp (sasl->mechanism->name, "LOGIN") == 0)
    n = 0;
  char *message = NULL, *response = NULL;
  size_t message_length = 0, response_length = 0;
  int result = -1;
  int code = decode (sasl, challenge, n, &message, &message_length);
  if (code != GSASL_OK)
    {
      step_failed (code, err);
      goto out;
    }
  if (scram && message_length && memchr (message, '\0', message_length))
    {
      step_failed (GSASL_MECHANISM_PARSE_ERROR, err); /* the library would read up to it and go on */
      goto out;
    }
  if (scram && message_length > 2 && memcmp (message, "e=", 2) == 0)
    {
      result = take_server_error (sasl, message, message_length, response_r, err);
      goto out;
    }
  if (scram && message_length && !sasl->iterations_checked)
    {
      if (check_iterations (message, message_length, err))
        goto out;
      sasl->iterations_checked = true;
    }
  code = step (sasl, &message, message_length, context, deadline, &response, &response_length, err);
  if (code < 0)
    goto out;
  if (code != GSASL_OK && code != GSASL_NEEDS_MORE)
    {
      step_failed (code, err);
      goto out;
    }
  sasl->complete = code == GSASL_OK;
  code = gsasl_base64_to (response ? response : "", response_length, response_r, NULL);
  if (code == GSASL_OK)
    result = 0;
  else
    step_failed (code, err);
out:
  if (response)
    msub_wipe (response, response_length);
  gsasl_free (response);
  gsasl_free (message);
  return result;
}
