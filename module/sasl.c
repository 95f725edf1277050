/* sasl.c --- authentication exchanges, by GNU SASL.

   Floor 2.  The one file that includes GNU SASL.
   SPDX-License-Identifier: GPL-3.0-or-later  */

#define _GNU_SOURCE
#include "sasl.h"

#include <gsasl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* RFC 7677 section 4 asks for 4096 at least; libgsasl takes any number, and would compute for minutes.  */
#define ITERATIONS_MIN 4096
#define ITERATIONS_MAX 1000000

const char *const msub_sasl_mechanisms[]
  = { "SCRAM-SHA-256-PLUS", "SCRAM-SHA-1-PLUS", "SCRAM-SHA-256", "SCRAM-SHA-1", "PLAIN", "LOGIN", NULL };

struct msub_sasl
{
  Gsasl *library;
  Gsasl_session *session;
  bool scram, client_first, complete, iterations_checked;
};

static bool
ends_in (const char *s, const char *suffix)
{
  size_t n = strlen (s), m = strlen (suffix);
  return n >= m && strcmp (s + n - m, suffix) == 0;
}

bool
msub_sasl_needs_binding (const char *mechanism)
{
  return ends_in (mechanism, "-PLUS");
}

const char *
msub_sasl_version (void)
{
  return gsasl_check_version (NULL);
}

static int
set_properties (struct msub_sasl *sasl, const struct msub_sasl_options *options)
{
  int code = gsasl_property_set (sasl->session, GSASL_AUTHID, options->user);
  if (code == GSASL_OK)
    code = gsasl_property_set (sasl->session, GSASL_PASSWORD, options->password);
  if (code != GSASL_OK || !options->binding)
    return code;
  char *binding = NULL;
  code = gsasl_base64_to ((const char *) options->binding, options->binding_length, &binding, NULL);
  if (code == GSASL_OK)
    code = gsasl_property_set (sasl->session, options->exporter ? GSASL_CB_TLS_EXPORTER : GSASL_CB_TLS_UNIQUE, binding);
  gsasl_free (binding);
  return code;
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
  sasl->scram = strncmp (options->mechanism, "SCRAM-", 6) == 0;
  sasl->client_first = strcmp (options->mechanism, "LOGIN") != 0;
  int code = gsasl_init (&sasl->library);
  if (code == GSASL_OK)
    code = gsasl_client_start (sasl->library, options->mechanism, &sasl->session);
  if (code == GSASL_OK)
    code = set_properties (sasl, options);
  if (code != GSASL_OK)
    {
      msub_fail (err, MSUB_AUTH, "%s cannot be used: %s", options->mechanism, gsasl_strerror (code));
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
  if ((*sasl)->library)
    gsasl_done ((*sasl)->library);
  free (*sasl);
  *sasl = NULL;
}

bool
msub_sasl_client_first (const struct msub_sasl *sasl)
{
  return sasl->client_first;
}

bool
msub_sasl_complete (const struct msub_sasl *sasl)
{
  return sasl->complete;
}

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
          return msub_fail (err, MSUB_INSECURE,
                            "The server asks for %.*s SCRAM iterations; from %d to %d are accepted. The password was not "
                            "used",
                            (int) (stop - p - 2 > 20 ? 20 : stop - p - 2), p + 2, ITERATIONS_MIN, ITERATIONS_MAX);
        }
      p = stop + 1;
    }
  return msub_fail (err, MSUB_PROTOCOL, "The server's SCRAM message names no iteration count");
}

static int
step_failed (int code, struct msub_error *err)
{
  if (code == GSASL_AUTHENTICATION_ERROR)
    return msub_fail (err, MSUB_INSECURE,
                      "The server could not prove that it knows the password: it may be an impostor");
  if (code == GSASL_MECHANISM_PARSE_ERROR || code == GSASL_BASE64_ERROR)
    return msub_fail (err, MSUB_PROTOCOL, "The server's authentication challenge is malformed");
  return msub_fail (err, MSUB_AUTH, "Authentication failed: %s", gsasl_strerror (code));
}

int
msub_sasl_step (struct msub_sasl *sasl, const char *challenge, size_t n, char **response_r, struct msub_error *err)
{
  *response_r = NULL;
  if (sasl->complete)
    return msub_fail (err, MSUB_PROTOCOL, "The server goes on asking after the authentication exchange has ended");
  char *message = NULL, *response = NULL;
  size_t message_length = 0, response_length = 0;
  int result = -1;
  int code = n ? gsasl_base64_from (challenge, n, &message, &message_length) : GSASL_OK;
  if (code != GSASL_OK)
    {
      step_failed (code, err);
      goto out;
    }
  if (sasl->scram && message_length && !sasl->iterations_checked)
    {
      if (check_iterations (message, message_length, err))
        goto out;
      sasl->iterations_checked = true;
    }
  code = gsasl_step (sasl->session, message, message_length, &response, &response_length);
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
