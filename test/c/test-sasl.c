/* test-sasl.c --- SCRAM: what is made of a password, and what the library gets to see of it.

   The server's side is GNU SASL's.
   SPDX-License-Identifier: GPL-3.0-or-later  */

#define _GNU_SOURCE
#include "tap.h"
#include "salted.h"
#include "sasl.h"

#include <gsasl.h>
#include <stdlib.h>

/* Long: the machine may be slow.  */
#define PATIENCE MSUB_MSECS (120000)

/* The library, as the module calls it: see the Makefile for --wrap.  */
int __real_gsasl_property_set (Gsasl_session *session, Gsasl_property property, const char *value);
int __wrap_gsasl_property_set (Gsasl_session *session, Gsasl_property property, const char *value);
int __real_gsasl_saslprep (const char *in, Gsasl_saslprep_flags flags, char **out, int *code);
int __wrap_gsasl_saslprep (const char *in, Gsasl_saslprep_flags flags, char **out, int *code);
const char *__wrap_gsasl_strerror (int code);

static struct
{
  const char *password;
  bool got_password, prepared, asked_for_words;
  char salted[MSUB_SALTED_HEX];
} library;

int
__wrap_gsasl_property_set (Gsasl_session *session, Gsasl_property property, const char *value)
{
  if (value && strcmp (value, library.password) == 0)
    library.got_password = true;
  if (property == GSASL_SCRAM_SALTED_PASSWORD)
    snprintf (library.salted, sizeof library.salted, "%s", value);
  return __real_gsasl_property_set (session, property, value);
}

int
__wrap_gsasl_saslprep (const char *in, Gsasl_saslprep_flags flags, char **out, int *code)
{
  library.prepared = true;
  return __real_gsasl_saslprep (in, flags, out, code);
}

const char *
__wrap_gsasl_strerror (int code)
{
  (void) code;
  library.asked_for_words = true;
  return "?";
}

static bool cancelled;

static bool
is_cancelled (void *arg)
{
  (void) arg;
  return cancelled;
}

static void
drop (void *arg, struct msub_event *event)
{
  (void) arg;
  msub_event_free (&event);
}

static const struct msub_context context = { .cancelled = is_cancelled, .emit = drop };

static void
test_vectors (void)
{
  static const struct
  {
    const char *source;
    bool sha256;
    const char *password, *salt;
    size_t salt_length;
    unsigned iterations;
    const char *salted;
  } vectors[] = {
    { "RFC 5802 section 5", false, "pencil", TAP_OCTETS ("\x41\x25\xc2\x47\xe4\x3a\xb1\xe9\x3c\x6d\xff\x76"), 4096,
      "1d96ee3a529b5a5f9e47c01f229a2cb8a6e15f7d" },
    { "RFC 7677 section 3", true, "pencil",
      TAP_OCTETS ("\x5b\x6d\x99\x68\x9d\x12\x35\x8e\xec\xa0\x4b\x14\x12\x36\xfa\x81"), 4096,
      "c4a49510323ab4f952cac1fa99441939e78ea74d6be81ddf7096e87513dc615d" },
    { "RFC 6070, the second", false, "password", TAP_OCTETS ("salt"), 2, "ea6c014dc72d6f8ccd1ed92ace1d41f0d8de8957" },
    { "RFC 7914 section 11, its first 32 octets", true, "passwd", TAP_OCTETS ("salt"), 1,
      "55ac046e56e3089fec1691c22544b605f94185216dde0465e68b9d57c20dacbc" },
  };
  for (size_t i = 0; i < TAP_COUNT (vectors); i++)
    {
      struct msub_error err = { 0 };
      char hex[MSUB_SALTED_HEX] = "";
      const struct msub_salting what = {
        .sha256 = vectors[i].sha256, .password = vectors[i].password, .salt = vectors[i].salt,
        .salt_length = vectors[i].salt_length, .iterations = vectors[i].iterations,
      };
      tap_begin ("the salted password of %s", vectors[i].source);
      tap_expect_int ("the result", msub_salted_password (&what, &context, msub_now () + PATIENCE, hex, &err), 0);
      tap_expect_text ("it", hex, vectors[i].salted);
      tap_end ();
    }
}

/* What ends a wait, and how that is told.  */
static const struct
{
  const char *how;
  bool cancelled;
  enum msub_kind kind;
} ends[] = {
  { "its deadline", false, MSUB_TIMEOUT },
  { "a cancel", true, MSUB_CANCELLED },
};

/* Nobody is kept waiting for a computation that takes hours here; it ends with this program.  */
static void
test_stopped (void)
{
  for (size_t i = 0; i < TAP_COUNT (ends); i++)
    {
      struct msub_error err = { 0 };
      char hex[MSUB_SALTED_HEX] = "";
      const struct msub_salting what = { .password = "pencil", .salt = "salt", .salt_length = 4, .iterations = 4000000000 };
      cancelled = ends[i].cancelled;
      tap_begin ("F7: the wait for very many iterations ends with %s", ends[i].how);
      tap_expect_int ("the result", msub_salted_password (&what, &context, msub_now (), hex, &err), -1);
      tap_expect_text ("the error", msub_kind_name (err.kind), msub_kind_name (ends[i].kind));
      tap_expect_text ("what is told", hex, "");
      tap_end ();
    }
  cancelled = false;
}

/* The server's side */

static int
on_server_question (Gsasl *gsasl, Gsasl_session *session, Gsasl_property property)
{
  (void) gsasl;
  return property == GSASL_PASSWORD ? __real_gsasl_property_set (session, property, library.password) : GSASL_NO_CALLBACK;
}

/* Pass what CLIENT and SERVER have to say on to each other.  The last result of CLIENT's, or -1 when the server says no.  */
static int
talk (struct msub_sasl *client, Gsasl_session *server, struct msub_error *err)
{
  char *challenge = strdup (""), *response = NULL;
  int result = -1, code = GSASL_NEEDS_MORE;
  while (challenge && !msub_sasl_complete (client))
    {
      result = msub_sasl_step (client, challenge, strlen (challenge), &context, msub_now () + PATIENCE, &response, err);
      gsasl_free (challenge);
      challenge = NULL;
      if (result == 0 && !msub_sasl_complete (client))
        code = gsasl_step64 (server, response, &challenge);
      msub_wipe_free (&response);
      if (code != GSASL_OK && code != GSASL_NEEDS_MORE)
        result = -1;
    }
  gsasl_free (challenge);
  return result;
}

static void
test_exchange (void)
{
  static const char *const passwords[] = { "pencil", " ~!=,", "p\xc3\xa9ncil", "\xe2\x85\xa8" };
  for (const struct msub_sasl_mechanism *m = msub_sasl_mechanisms; m->name; m++)
    for (size_t i = 0; strncmp (m->name, "SCRAM-", 6) == 0 && i < TAP_COUNT (passwords); i++)
      {
        const struct msub_sasl_options options = {
          .mechanism = m, .user = "user", .secret = passwords[i], .host = "localhost",
          .binding = m->binding ? (const unsigned char *) "bind" : NULL, .binding_length = m->binding ? 4 : 0, .exporter = true,
        };
        struct msub_error err = { 0 };
        struct msub_sasl *client = NULL;
        Gsasl *gsasl = NULL;
        Gsasl_session *server = NULL;
        bool ascii = (unsigned char) passwords[i][0] < 128 && (unsigned char) passwords[i][1] < 128;
        memset (&library, 0, sizeof library);
        library.password = passwords[i];
        tap_begin ("O3: %s with the password \"%s\"", m->name, passwords[i]);
        gsasl_init (&gsasl);
        gsasl_callback_set (gsasl, on_server_question);
        tap_expect_int ("the server", gsasl_server_start (gsasl, m->name, &server), GSASL_OK);
        if (m->binding)
          __real_gsasl_property_set (server, GSASL_CB_TLS_EXPORTER, "YmluZA==");
        if (tap_expect ((client = msub_sasl_new (&options, &err)) != NULL, "no client: %s", err.text))
          {
            tap_expect (talk (client, server, &err) == 0, "the exchange fails: %s", err.text);
            tap_expect (msub_sasl_complete (client), "the server has not proved that it knows the password");
          }
        tap_expect (!library.got_password, "the library has been given the password");
        tap_expect (library.prepared == !ascii, "SASLprep was %s", ascii ? "asked" : "not asked");
        tap_expect (*library.salted != '\0', "the library has computed by itself");
        msub_sasl_free (&client);
        gsasl_finish (server);
        gsasl_done (gsasl);
        tap_end ();
      }
}

/* What SASLprep forbids is no password for SCRAM, and is not computed with.  */
static void
test_forbidden (void)
{
  tap_begin ("what SASLprep forbids is an error of the log-in");
  struct msub_error err = { 0 };
  struct msub_sasl_options options = { .user = "user", .secret = "a\xc2\x80", .host = "localhost" };
  for (options.mechanism = msub_sasl_mechanisms; strcmp (options.mechanism->name, "SCRAM-SHA-1") != 0;)
    options.mechanism++;
  memset (&library, 0, sizeof library);
  library.password = "pencil";
  Gsasl *gsasl = NULL;
  Gsasl_session *server = NULL;
  gsasl_init (&gsasl);
  gsasl_callback_set (gsasl, on_server_question);
  tap_expect_int ("the server", gsasl_server_start (gsasl, "SCRAM-SHA-1", &server), GSASL_OK);
  struct msub_sasl *client = msub_sasl_new (&options, &err);
  if (tap_expect (client != NULL, "no client: %s", err.text))
    tap_expect_int ("the result", talk (client, server, &err), -1);
  tap_expect_text ("the error", msub_kind_name (err.kind), msub_kind_name (MSUB_AUTH));
  tap_expect (strstr (err.text, "characters that none may have") != NULL, "the words: %s", err.text);
  tap_expect (!library.asked_for_words, "words were looked up under a lock that all threads share");
  tap_expect_text ("the salted password", library.salted, "");
  msub_sasl_free (&client);
  gsasl_finish (server);
  gsasl_done (gsasl);
  tap_end ();
}

/* The server's answer to FIRST, what a client of SCRAM begins with, both in base64: as many iterations as may be.  */
static char *
many_iterations (const char *first)
{
  char *octets = NULL, *challenge = NULL, text[200];
  size_t n = 0;
  gsasl_base64_from (first, strlen (first), &octets, &n);
  const char *nonce = memmem (octets, n, ",r=", 3);
  int length = snprintf (text, sizeof text, "r=%.*sxyz,s=c2FsdA==,i=1000000", (int) (octets + n - nonce - 3), nonce + 3);
  gsasl_base64_to (text, (size_t) length, &challenge, &n);
  gsasl_free (octets);
  return challenge;
}

/* What ends the wait is what is told, and no words are looked up for what the library makes of that.  */
static void
test_ended (void)
{
  struct msub_sasl_options options = { .user = "user", .secret = "pencil", .host = "localhost" };
  for (options.mechanism = msub_sasl_mechanisms; strcmp (options.mechanism->name, "SCRAM-SHA-1") != 0;)
    options.mechanism++;
  for (size_t i = 0; i < TAP_COUNT (ends); i++)
    {
      struct msub_error err = { 0 };
      char *first = NULL, *second = NULL;
      tap_begin ("a log-in that computes for long is ended by %s", ends[i].how);
      memset (&library, 0, sizeof library);
      library.password = options.secret;
      struct msub_sasl *client = msub_sasl_new (&options, &err);
      tap_expect_int ("what it begins with", msub_sasl_step (client, "", 0, &context, msub_now () + PATIENCE, &first, &err), 0);
      char *challenge = many_iterations (first);
      cancelled = ends[i].cancelled;
      tap_expect_int ("the result",
                      msub_sasl_step (client, challenge, strlen (challenge), &context, msub_now (), &second, &err), -1);
      cancelled = false;
      tap_expect_text ("the error", msub_kind_name (err.kind), msub_kind_name (ends[i].kind));
      tap_expect (!library.asked_for_words, "words were looked up under a lock that all threads share");
      tap_expect_text ("the salted password", library.salted, "");
      msub_wipe_free (&first);
      msub_wipe_free (&second);
      gsasl_free (challenge);
      msub_sasl_free (&client);
      tap_end ();
    }
}

/* What a server says to a token need not be base64, and is all that is read of it (SECURITY: E19).  */
static void
test_token_refused (void)
{
  static const char refusal[] = "\0no, and \0 more";
  struct msub_sasl_options options = { .user = "user", .secret = "token", .host = "localhost" };
  for (options.mechanism = msub_sasl_mechanisms; options.mechanism->name; options.mechanism++)
    if (options.mechanism->secret == MSUB_SASL_TOKEN)
      {
        struct msub_error err = { 0 };
        char *first = NULL, *second = NULL, words[100];
        tap_begin ("a refusal with NULs, %s", options.mechanism->name);
        struct msub_sasl *client = msub_sasl_new (&options, &err);
        tap_expect_int ("what it begins with", msub_sasl_step (client, "", 0, &context, msub_now () + PATIENCE, &first, &err), 0);
        tap_expect_int ("the answer", msub_sasl_step (client, refusal, sizeof refusal - 1, &context, msub_now () + PATIENCE,
                                                      &second, &err), 0);
        msub_text_clean (words, sizeof words, refusal, sizeof refusal - 1);
        tap_expect_text ("the words", msub_sasl_server_words (client), words);
        msub_wipe_free (&first);
        msub_wipe_free (&second);
        msub_sasl_free (&client);
        tap_end ();
      }
}

int
main (void)
{
  test_vectors ();
  test_exchange ();
  test_forbidden ();
  test_ended ();
  test_stopped ();
  test_token_refused ();
  return tap_done ();
}
