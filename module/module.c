/* module.c --- the boundary: Lisp's arguments in, plists out.

   Floor 8.  The only file that includes emacs-module.h: an emacs_env or an emacs_value lives here and only during a call
   from Lisp.
   SPDX-License-Identifier: GPL-3.0-or-later  */

#define _GNU_SOURCE
#include "disk.h"
#include "job.h"
#include "neighbour.h"
#include "net.h"
#include "owner.h"
#include "sasl.h"

#include <emacs-module.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define EXPORT __attribute__ ((visibility ("default")))

EXPORT int plugin_is_GPL_compatible;

/* The same as mew-submit-module--version in Lisp.  */
#define VERSION "0.1.0"

/* Helpers.  After an env call that can exit, callers check `failed'.  */

static bool
failed (emacs_env *env)
{
  return env->non_local_exit_check (env) != emacs_funcall_exit_return;
}

static emacs_value
nil (emacs_env *env)
{
  return env->intern (env, "nil");
}

static emacs_value
truth (emacs_env *env, bool value)
{
  return env->intern (env, value ? "t" : "nil");
}

/* Texts are valid UTF-8 (event.c, msub_text_clean), which is what make_string insists on.  */
static emacs_value
string (emacs_env *env, const char *text)
{
  return env->make_string (env, text, (ptrdiff_t) strlen (text));
}

static emacs_value
call (emacs_env *env, const char *function, ptrdiff_t count, emacs_value *args)
{
  return env->funcall (env, env->intern (env, function), count, args);
}

/* Signal mew-submit-config or mew-submit-internal with TEXT.  */
static void
signal_text (emacs_env *env, const char *condition, const char *text)
{
  char clean[MSUB_TEXT_MAX];
  msub_text_clean (clean, sizeof clean, text, strlen (text));
  emacs_value args[] = { string (env, clean) };
  emacs_value data = call (env, "list", 1, args);
  if (!failed (env))
    env->non_local_exit_signal (env, env->intern (env, condition), data);
}

static void
signal_error (emacs_env *env, const struct msub_error *err)
{
  signal_text (env, err->kind == MSUB_CONFIG ? "mew-submit-config" : "mew-submit-internal", err->text);
}

/* A copy of Lisp's string VALUE, malloc'd, or NULL after an exit.  A NUL inside is an error: nothing that is sent or
   opened may be cut short by one.  */
static char *
copy_string (emacs_env *env, emacs_value value)
{
  ptrdiff_t size = 0;
  if (!env->copy_string_contents (env, value, NULL, &size))
    return NULL;
  char *copy = malloc ((size_t) size);
  if (!copy)
    {
      signal_text (env, "mew-submit-internal", "Out of memory");
      return NULL;
    }
  if (!env->copy_string_contents (env, value, copy, &size))
    {
      free (copy);
      return NULL;
    }
  if (strlen (copy) != (size_t) size - 1)
    {
      msub_wipe (copy, (size_t) size);
      free (copy);
      signal_text (env, "mew-submit-config", "A text holds a NUL octet");
      return NULL;
    }
  return copy;
}

static char *
copy_symbol_name (emacs_env *env, emacs_value symbol)
{
  emacs_value name = call (env, "symbol-name", 1, &symbol);
  return failed (env) ? NULL : copy_string (env, name);
}

static emacs_value
car (emacs_env *env, emacs_value list)
{
  return call (env, "car", 1, &list);
}

static emacs_value
cdr (emacs_env *env, emacs_value list)
{
  return call (env, "cdr", 1, &list);
}

/* Requests */

/* The place of symbol VALUE's name in NAMES (COUNT of them); -1 with a signal when it is none of them.  */
static int
read_choice (emacs_env *env, emacs_value value, const char *const *names, int count)
{
  char *name = copy_symbol_name (env, value);
  if (!name)
    return -1;
  int found = -1;
  for (int i = 0; i < count && found < 0; i++)
    if (strcmp (name, names[i]) == 0)
      found = i;
  if (found < 0)
    {
      char text[128];
      msub_text_format (text, sizeof text, "Unknown word in a request: %s", name);
      signal_text (env, "mew-submit-config", text);
    }
  free (name);
  return found;
}

static void
read_text (emacs_env *env, emacs_value value, char **text_r)
{
  if (env->is_not_nil (env, value) && !*text_r)
    *text_r = copy_string (env, value);
}

static int
read_msecs (emacs_env *env, emacs_value value)
{
  intmax_t msecs = env->extract_integer (env, value);
  return msecs < 0 ? 0 : msecs > 86400000 ? 86400000 : (int) msecs;
}

/* (PORT FAMILY MODE) or (PORT FAMILY MODE WHAT), where WHAT is t for a route that is tried after all others, or the service
   that a diagnosis looks for there.  */
static void
read_route (emacs_env *env, emacs_value value, struct msub_request *request)
{
  static const char *const families[] = { "ipv4", "ipv6" };
  static const char *const modes[] = { "none", "starttls", "implicit" };
  _Static_assert (sizeof modes / sizeof *modes == MSUB_TLS_MODES, "a word for each mode");
  static const char *const services[] = { "submission", "transfer", "pop", "imap" };
  _Static_assert (sizeof services / sizeof *services == MSUB_SERVICES, "a word for each service");
  if (request->route_count == MSUB_ROUTES_MAX)
    {
      signal_text (env, "mew-submit-config", "A plan has too many routes");
      return;
    }
  emacs_value rest = cdr (env, value);
  intmax_t port = env->extract_integer (env, car (env, value));
  int family = failed (env) ? -1 : read_choice (env, car (env, rest), families, 2);
  rest = cdr (env, rest);
  int mode = failed (env) ? -1 : read_choice (env, car (env, rest), modes, MSUB_TLS_MODES);
  emacs_value more = failed (env) ? rest : car (env, cdr (env, rest));
  bool demoted = !failed (env) && env->eq (env, more, env->intern (env, "t"));
  int service = MSUB_SUBMISSION;
  if (!failed (env) && !demoted && env->is_not_nil (env, more))
    service = read_choice (env, more, services, MSUB_SERVICES);
  if (failed (env))
    return;
  if (port < 1 || port > 65535)
    {
      signal_text (env, "mew-submit-config", "A port is not between 1 and 65535");
      return;
    }
  request->routes[request->route_count++] = (struct msub_route) {
    .port = (uint16_t) port,
    .family = family == 1 ? AF_INET6 : AF_INET,
    .tls = (enum msub_tls_mode) mode,
    .service = (enum msub_service) service,
    .demoted = demoted,
  };
}

static void
read_routes (emacs_env *env, emacs_value list, struct msub_request *request)
{
  for (; env->is_not_nil (env, list) && !failed (env); list = cdr (env, list))
    read_route (env, car (env, list), request);
}

/* Copy LIST, of strings, to *TEXTS_R, which ends with NULL.  Returns how many there are, as far as things went.  */
static size_t
read_texts (emacs_env *env, emacs_value list, char ***texts_r)
{
  size_t n = 0;
  emacs_value length = call (env, "length", 1, &list);
  intmax_t count = failed (env) ? 0 : env->extract_integer (env, length);
  if (failed (env) || count == 0)
    return 0;
  *texts_r = calloc ((size_t) count + 1, sizeof **texts_r);
  if (!*texts_r)
    {
      signal_text (env, "mew-submit-internal", "Out of memory");
      return 0;
    }
  for (; env->is_not_nil (env, list); list = cdr (env, list), n++)
    if (!((*texts_r)[n] = copy_string (env, car (env, list))))
      break;
  return n;
}

static void
read_recipients (emacs_env *env, emacs_value list, struct msub_request *request)
{
  if (!request->recipients)
    request->recipient_count = read_texts (env, list, &request->recipients);
}

static void
read_notify (emacs_env *env, emacs_value list, struct msub_request *request)
{
  if (!request->notify)
    read_texts (env, list, &request->notify);
}

static void
read_original (emacs_env *env, emacs_value list, struct msub_request *request)
{
  if (!request->original)
    read_texts (env, list, &request->original);
}

static void
read_environment (emacs_env *env, emacs_value list, struct msub_request *request)
{
  if (!request->environment)
    read_texts (env, list, &request->environment);
}

/* A list of (PORT . FINGERPRINT).  */
static void
read_pins (emacs_env *env, emacs_value list, struct msub_request *request)
{
  for (; env->is_not_nil (env, list) && !failed (env); list = cdr (env, list))
    {
      emacs_value pair = car (env, list);
      intmax_t port = env->extract_integer (env, car (env, pair));
      char *fingerprint = failed (env) ? NULL : copy_string (env, cdr (env, pair));
      if (!fingerprint)
        return;
      struct msub_pin pin = { .port = (uint16_t) port };
      bool fits = port > 0 && port < 65536 && strlen (fingerprint) < sizeof pin.fingerprint;
      snprintf (pin.fingerprint, sizeof pin.fingerprint, "%s", fingerprint);
      free (fingerprint);
      if (fits && request->pin_count < MSUB_PINS_MAX)
        request->pins[request->pin_count++] = pin;
      else
        signal_text (env, "mew-submit-config", "A pin cannot be used, or there are too many of them");
    }
}

static void
read_level (emacs_env *env, emacs_value value, struct msub_request *request)
{
  static const char *const levels[] = { "required", "opportunistic", "none" };
  int level = read_choice (env, value, levels, 3);
  if (level >= 0)
    request->level = (enum msub_tls_level) level;
}

static void
read_tunnel (emacs_env *env, emacs_value value, struct msub_request *request)
{
  static const char *const kinds[] = { "nil", "ssh", "socks5", "unix" };
  int kind = read_choice (env, value, kinds, 4);
  if (kind >= 0)
    request->tunnel = (enum msub_tunnel_kind) kind;
}

/* The keys whose values go into one member of the request ...  */
static const struct
{
  const char *key;
  enum { TEXT, MSECS, TRUTH } type;
  size_t offset;
} plain_keys[] = {
  { ":host", TEXT, offsetof (struct msub_request, host) },
  { ":name", TEXT, offsetof (struct msub_request, name) },
  { ":ca-file", TEXT, offsetof (struct msub_request, ca_file) },
  { ":crl-file", TEXT, offsetof (struct msub_request, crl_file) },
  { ":auth", TEXT, offsetof (struct msub_request, auth) },
  { ":user", TEXT, offsetof (struct msub_request, user) },
  { ":password", TEXT, offsetof (struct msub_request, password) },
  { ":helo", TEXT, offsetof (struct msub_request, helo) },
  { ":without", TEXT, offsetof (struct msub_request, without) },
  { ":from", TEXT, offsetof (struct msub_request, from) },
  { ":file", TEXT, offsetof (struct msub_request, file) },
  { ":journal", TEXT, offsetof (struct msub_request, journal) },
  { ":cert-file", TEXT, offsetof (struct msub_request, cert_file) },
  { ":key-file", TEXT, offsetof (struct msub_request, key_file) },
  { ":priority", TEXT, offsetof (struct msub_request, priority) },
  { ":dsn-return", TEXT, offsetof (struct msub_request, dsn_return) },
  { ":dsn-id", TEXT, offsetof (struct msub_request, dsn_id) },
  { ":dsn-notify", TEXT, offsetof (struct msub_request, dsn_notify) },
  { ":deliver-by", TEXT, offsetof (struct msub_request, deliver_by) },
  { ":hold-for", TEXT, offsetof (struct msub_request, hold_for) },
  { ":hold-until", TEXT, offsetof (struct msub_request, hold_until) },
  { ":mt-priority", TEXT, offsetof (struct msub_request, priority_level) },
  { ":share", TEXT, offsetof (struct msub_request, share) },
  { ":auth-remembered", TEXT, offsetof (struct msub_request, auth_remembered) },
  { ":auth-remembered-25", TEXT, offsetof (struct msub_request, auth_remembered_25) },
  { ":tunnel-place", TEXT, offsetof (struct msub_request, tunnel_place) },
  { ":tunnel-program", TEXT, offsetof (struct msub_request, tunnel_program) },
  { ":tunnel-user", TEXT, offsetof (struct msub_request, tunnel_user) },
  { ":tunnel-password", TEXT, offsetof (struct msub_request, tunnel_password) },
  { ":source-ipv4", TEXT, offsetof (struct msub_request, source_ipv4) },
  { ":source-ipv6", TEXT, offsetof (struct msub_request, source_ipv6) },
  { ":attempt-delay", MSECS, offsetof (struct msub_request, attempt_delay_msecs) },
  { ":connect-timeout", MSECS, offsetof (struct msub_request, connect_timeout_msecs) },
  { ":step-timeout", MSECS, offsetof (struct msub_request, step_timeout_msecs) },
  { ":keep", MSECS, offsetof (struct msub_request, keep_msecs) },
  { ":race", TRUTH, offsetof (struct msub_request, raced) },
  { ":ask-fallback", TRUTH, offsetof (struct msub_request, ask_fallback) },
  { ":trace", TRUTH, offsetof (struct msub_request, trace) },
  { ":probe", TRUTH, offsetof (struct msub_request, probe) },
  { ":diagnose", TRUTH, offsetof (struct msub_request, diagnose) },
  { ":relay-test", TRUTH, offsetof (struct msub_request, relay_test) },
  { ":starttls-remembered", TRUTH, offsetof (struct msub_request, starttls_remembered) },
  { ":require-tls", TRUTH, offsetof (struct msub_request, require_tls) },
  { ":binary", TRUTH, offsetof (struct msub_request, binary) },
  { ":all-or-none", TRUTH, offsetof (struct msub_request, all_or_none) },
};

/* ... and the others.  */
static const struct
{
  const char *key;
  void (*read) (emacs_env *env, emacs_value value, struct msub_request *request);
} other_keys[] = {
  { ":routes", read_routes },
  { ":recipients", read_recipients },
  { ":notify", read_notify },
  { ":original", read_original },
  { ":environment", read_environment },
  { ":pins", read_pins },
  { ":tls", read_level },
  { ":tunnel", read_tunnel },
};

static void
read_member (emacs_env *env, emacs_value value, size_t key, struct msub_request *request)
{
  void *member = (char *) request + plain_keys[key].offset;
  if (plain_keys[key].type == TEXT)
    read_text (env, value, member);
  else if (plain_keys[key].type == MSECS)
    *(int *) member = read_msecs (env, value);
  else
    *(bool *) member = env->is_not_nil (env, value);
}

static void
read_key (emacs_env *env, const char *key, emacs_value value, struct msub_request *request)
{
  for (size_t i = 0; i < sizeof plain_keys / sizeof *plain_keys; i++)
    if (strcmp (key, plain_keys[i].key) == 0)
      {
        read_member (env, value, i, request);
        return;
      }
  for (size_t i = 0; i < sizeof other_keys / sizeof *other_keys; i++)
    if (strcmp (key, other_keys[i].key) == 0)
      {
        other_keys[i].read (env, value, request);
        return;
      }
  char text[128];
  msub_text_format (text, sizeof text, "Unknown key in a request: %s", key);
  signal_text (env, "mew-submit-config", text);
}

/* Are there as many TEXTS as recipients, or none at all?  */
static bool
for_each_recipient (char *const *texts, const struct msub_request *request)
{
  size_t count = 0;
  while (texts && texts[count])
    count++;
  return !texts || count == request->recipient_count;
}

static void
read_request (emacs_env *env, emacs_value plist, struct msub_request *request)
{
  while (env->is_not_nil (env, plist) && !failed (env))
    {
      char *key = copy_symbol_name (env, car (env, plist));
      plist = cdr (env, plist);
      if (!key || failed (env))
        {
          free (key);
          return;
        }
      read_key (env, key, car (env, plist), request);
      free (key);
      plist = cdr (env, plist);
    }
  if (failed (env))
    return;
  if (!for_each_recipient (request->notify, request) || !for_each_recipient (request->original, request))
    {
      signal_text (env, "mew-submit-config", "A list in a request is not as long as its :recipients");
      return;
    }
  bool message = request->probe || request->diagnose || (request->from && request->file);
  if (!request->host || !request->helo || !message || request->route_count == 0)
    signal_text (env, "mew-submit-config", "A request needs :host, :routes, :helo, :from and :file");
  else if (request->tunnel != MSUB_TUNNEL_NONE && !request->tunnel_place)
    signal_text (env, "mew-submit-config", "A tunnel needs a :tunnel-place");
}

/* Events */

static emacs_value
build_list (emacs_env *env, const char *elements)
{
  emacs_value list = nil (env);
  for (const char *p = elements; *p && !failed (env);)
    {
      const char *newline = strchr (p, '\n');
      ptrdiff_t length = newline ? newline - p : (ptrdiff_t) strlen (p);
      emacs_value args[] = { env->make_string (env, p, length), list };
      list = call (env, "cons", 2, args);
      p += length + (newline ? 1 : 0);
    }
  return call (env, "nreverse", 1, &list);
}

static emacs_value
build_field (emacs_env *env, const struct msub_field *field)
{
  switch (field->type)
    {
    case MSUB_FIELD_INTEGER:
      return env->make_integer (env, field->integer);
    case MSUB_FIELD_REAL:
      return env->make_float (env, field->real);
    case MSUB_FIELD_TRUTH:
      return truth (env, field->integer);
    case MSUB_FIELD_TEXT:
      return string (env, field->text);
    default:
      return build_list (env, field->text);
    }
}

/* Making a value failed.  False when the user said C-g, or something threw past us: that stands.  Else the value itself is to
   blame, and that is forgotten.  */
static bool
forget_failure (emacs_env *env)
{
  emacs_value symbol, data;
  enum emacs_funcall_exit exit = env->non_local_exit_get (env, &symbol, &data);
  env->non_local_exit_clear (env);
  if (exit == emacs_funcall_exit_throw)
    env->non_local_exit_throw (env, symbol, data);
  else if (env->eq (env, symbol, env->intern (env, "quit")))
    env->non_local_exit_signal (env, symbol, data);
  return !failed (env);
}

/* A field that Lisp does not take is left out: nothing waits behind an event that cannot be told whole, and least of all
   a `done' (SECURITY: O27).  */
static emacs_value
build_event (emacs_env *env, const struct msub_event *event)
{
  emacs_value args[4 + 2 * MSUB_EVENT_FIELDS];
  ptrdiff_t count = 0;
  args[count++] = env->intern (env, ":event");
  args[count++] = env->intern (env, msub_event_type_name (event->type));
  args[count++] = env->intern (env, ":job");
  args[count++] = env->make_integer (env, (intmax_t) event->job);
  for (size_t i = 0; i < event->count; i++)
    {
      char key[64];
      snprintf (key, sizeof key, ":%s", event->fields[i].key);
      args[count] = env->intern (env, key);
      args[count + 1] = build_field (env, &event->fields[i]);
      if (!failed (env))
        count += 2;
      else if (!forget_failure (env))
        return nil (env);
    }
  return call (env, "list", count, args);
}

/* The functions */

static emacs_value
Fversion (emacs_env *env, ptrdiff_t nargs, emacs_value *args, void *data)
{
  (void) nargs, (void) args, (void) data;
  return string (env, VERSION);
}

static emacs_value
Flibraries (emacs_env *env, ptrdiff_t nargs, emacs_value *args, void *data)
{
  (void) nargs, (void) args, (void) data;
  emacs_value list[] = { env->intern (env, ":gnutls"), string (env, msub_tls_version ()),
                         env->intern (env, ":gsasl"), string (env, msub_sasl_version ()) };
  return call (env, "list", 4, list);
}

static emacs_value
Fopen (emacs_env *env, ptrdiff_t nargs, emacs_value *args, void *data)
{
  (void) nargs, (void) data;
  int fd = env->open_channel (env, args[0]);
  if (failed (env))
    return nil (env);
  msub_jobs_channel (fd);
  return truth (env, true);
}

static emacs_value
Fstart (emacs_env *env, ptrdiff_t nargs, emacs_value *args, void *data)
{
  (void) nargs, (void) data;
  struct msub_request request = { 0 };
  read_request (env, args[0], &request);
  if (failed (env))
    {
      msub_request_clear (&request);
      return nil (env);
    }
  struct msub_error err = { 0 };
  uint64_t id = msub_job_start (&request, &err);
  if (id == 0)
    {
      signal_error (env, &err);
      return nil (env);
    }
  return env->make_integer (env, (intmax_t) id);
}

static emacs_value
Fdrain (emacs_env *env, ptrdiff_t nargs, emacs_value *args, void *data)
{
  (void) nargs, (void) args, (void) data;
  struct msub_event *events = msub_jobs_take ();
  emacs_value list = nil (env);
  for (const struct msub_event *event = events; event && !failed (env); event = event->next)
    {
      emacs_value pair[] = { build_event (env, event), list };
      list = call (env, "cons", 2, pair);
    }
  list = call (env, "nreverse", 1, &list);
  if (failed (env))
    {
      /* C-g, or no memory: Lisp has seen none of them.  */
      msub_jobs_put_back (events);
      return nil (env);
    }
  while (events)
    {
      struct msub_event *event = events;
      events = event->next;
      msub_event_free (&event);
    }
  return list;
}

static emacs_value
Fcancel (emacs_env *env, ptrdiff_t nargs, emacs_value *args, void *data)
{
  (void) nargs, (void) data;
  intmax_t id = env->extract_integer (env, args[0]);
  return failed (env) ? nil (env) : truth (env, msub_job_cancel ((uint64_t) id));
}

static emacs_value
Fanswer (emacs_env *env, ptrdiff_t nargs, emacs_value *args, void *data)
{
  (void) data;
  intmax_t id = env->extract_integer (env, args[0]);
  struct msub_answer answer = { 0 };
  if (!failed (env))
    read_text (env, args[1], &answer.text);
  if (!failed (env) && nargs > 2)
    read_text (env, args[2], &answer.secret);
  if (failed (env))
    {
      /* An answer that cannot be used is none; the job must not wait for another.  */
      msub_answer_free (&answer);
      msub_job_answer ((uint64_t) id, &answer);
      return nil (env);
    }
  return truth (env, msub_job_answer ((uint64_t) id, &answer));
}

static emacs_value
Fjobs (emacs_env *env, ptrdiff_t nargs, emacs_value *args, void *data)
{
  (void) nargs, (void) args, (void) data;
  return env->make_integer (env, (intmax_t) msub_jobs_running ());
}

static emacs_value
Fstop (emacs_env *env, ptrdiff_t nargs, emacs_value *args, void *data)
{
  (void) nargs, (void) data;
  int msecs = read_msecs (env, args[0]);
  return failed (env) ? nil (env) : env->make_integer (env, (intmax_t) msub_jobs_stop (msecs));
}

/* Copy IN to OUT until its end.  Returns the octets, or -1: errno, or an exit when the user said C-g.  */
static intmax_t
copy_descriptor (emacs_env *env, int in, int out)
{
  static char block[65536];
  intmax_t total = 0;
  for (;;)
    {
      ssize_t n = read (in, block, sizeof block);
      int errnum = errno;
      if (env->process_input (env) == emacs_process_input_quit)
        return -1;
      /* Whoever started us may have left it non-blocking; C-g is to be noticed while we wait.  */
      if (n < 0 && (errnum == EAGAIN || errnum == EWOULDBLOCK))
        poll (&(struct pollfd) { .fd = in, .events = POLLIN }, 1, 100);
      if (n < 0 && (errnum == EINTR || errnum == EAGAIN || errnum == EWOULDBLOCK))
        continue;
      errno = errnum;
      if (n <= 0)
        return n < 0 ? -1 : total;
      for (ssize_t done = 0; done < n;)
        {
          ssize_t put = write (out, block + done, (size_t) (n - done));
          if (put < 0 && errno != EINTR)
            return -1;
          done += put > 0 ? put : 0;
        }
      total += n;
    }
}

/* For a program that is spoken to by its standard input, which Emacs has no other way to read octet by octet.  */
static emacs_value
Fread (emacs_env *env, ptrdiff_t nargs, emacs_value *args, void *data)
{
  (void) nargs, (void) data;
  intmax_t fd = env->extract_integer (env, args[0]);
  if (failed (env))
    return nil (env);
  char octets[65536];
  ssize_t n;
  do
    n = read ((int) fd, octets, sizeof octets);
  while (n < 0 && errno == EINTR && env->process_input (env) == emacs_process_input_continue);
  return n <= 0 ? nil (env) : env->make_unibyte_string (env, octets, n);
}

static emacs_value
Fspool (emacs_env *env, ptrdiff_t nargs, emacs_value *args, void *data)
{
  (void) nargs, (void) data;
  intmax_t in = env->extract_integer (env, args[0]);
  char *file = failed (env) ? NULL : copy_string (env, args[1]);
  if (!file)
    return nil (env);
  int out = open (file, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
  intmax_t total = out < 0 ? -1 : copy_descriptor (env, (int) in, out);
  if (total >= 0 && fsync (out))
    total = -1;
  int saved = errno;
  if (out >= 0)
    close (out);
  if (total < 0 && !failed (env))
    {
      struct msub_error err = { 0 };
      msub_fail_errno (&err, MSUB_INTERNAL, saved, "The message cannot be written to %s", file);
      signal_error (env, &err);
    }
  free (file);
  return failed (env) ? nil (env) : env->make_integer (env, total);
}

/* A vector of an address's octets, and the port behind them.  Returns how many octets there are; 0 after an exit.  */
static size_t
read_place (emacs_env *env, emacs_value vector, uint8_t octets_r[16], uint16_t *port_r)
{
  ptrdiff_t size = env->vec_size (env, vector);
  if (!failed (env) && size != 5 && size != 17)
    signal_text (env, "mew-submit-internal", "Not an address and a port");
  for (ptrdiff_t i = 0; i < size - 1 && !failed (env); i++)
    octets_r[i] = (uint8_t) env->extract_integer (env, env->vec_get (env, vector, i));
  if (!failed (env))
    *port_r = (uint16_t) env->extract_integer (env, env->vec_get (env, vector, size - 1));
  return failed (env) ? 0 : (size_t) size - 1;
}

static emacs_value
Fowner (emacs_env *env, ptrdiff_t nargs, emacs_value *args, void *data)
{
  (void) nargs, (void) data;
  uint8_t from[16], to[16];
  uint16_t from_port = 0, to_port = 0;
  size_t length = read_place (env, args[0], from, &from_port);
  if (length == 0 || read_place (env, args[1], to, &to_port) != length)
    return nil (env);
  struct msub_owner owner;
  int found = msub_owner_look (from, from_port, to, to_port, length, &owner);
  if (found <= 0)
    return found == 0 ? nil (env) : env->intern (env, "unknown");
  emacs_value list[] = { env->make_integer (env, owner.user), truth (env, owner.held),
                         env->make_integer (env, owner.unread) };
  return call (env, "list", 3, list);
}

/* A batch Emacs has the default, which is to end when it writes to a connection that its other end has closed; an
   interactive one ignores the signal anyway.  Programs that are started get the default back.  */
static emacs_value
Fignore_pipe (emacs_env *env, ptrdiff_t nargs, emacs_value *args, void *data)
{
  (void) nargs, (void) args, (void) data;
  struct sigaction ignore = { .sa_handler = SIG_IGN };
  sigaction (SIGPIPE, &ignore, NULL);
  return nil (env);
}

static emacs_value
Fsync (emacs_env *env, ptrdiff_t nargs, emacs_value *args, void *data)
{
  (void) nargs, (void) data;
  char *file = copy_string (env, args[0]);
  if (!file)
    return nil (env);
  int fd = open (file, O_RDONLY | O_CLOEXEC);
  if (fd < 0 || fsync (fd))
    {
      struct msub_error err = { 0 };
      msub_fail_errno (&err, MSUB_INTERNAL, errno, "%s cannot be put on disk", file);
      signal_error (env, &err);
    }
  if (fd >= 0)
    close (fd);
  free (file);
  return truth (env, !failed (env));
}

static emacs_value
Fbeat (emacs_env *env, ptrdiff_t nargs, emacs_value *args, void *data)
{
  (void) nargs, (void) data;
  intmax_t msecs = env->extract_integer (env, args[0]);
  if (failed (env) || msecs <= 0 || msecs > INT_MAX)
    return nil (env);
  return truth (env, msub_jobs_beat ((unsigned) msecs) == 0);
}

/* Locks.  Lisp knows them by numbers that are never used again, so that a lock given up twice is nobody else's.  */
#define LOCKS_MAX 256 /* far below what a process may have open */
static struct
{
  intmax_t handle; /* 0: free */
  int fd;
} locks[LOCKS_MAX];
static intmax_t last_lock;

static emacs_value
Flock (emacs_env *env, ptrdiff_t nargs, emacs_value *args, void *data)
{
  (void) nargs, (void) data;
  char *file = copy_string (env, args[0]);
  if (!file)
    return nil (env);
  struct msub_error err = { 0 };
  size_t place = 0;
  while (place < LOCKS_MAX && locks[place].handle)
    place++;
  int fd = place < LOCKS_MAX ? msub_disk_lock (file, &err)
                             : msub_fail (&err, MSUB_INTERNAL, "%d files are locked already", LOCKS_MAX);
  free (file);
  if (err.kind != MSUB_OK)
    signal_error (env, &err);
  if (fd < 0)
    return nil (env);
  locks[place].handle = ++last_lock;
  locks[place].fd = fd;
  return env->make_integer (env, last_lock);
}

static emacs_value
Funlock (emacs_env *env, ptrdiff_t nargs, emacs_value *args, void *data)
{
  (void) nargs, (void) data;
  intmax_t handle = env->extract_integer (env, args[0]);
  if (failed (env) || handle <= 0)
    return nil (env);
  for (size_t i = 0; i < LOCKS_MAX; i++)
    if (locks[i].handle == handle)
      {
        msub_disk_unlock (locks[i].fd);
        locks[i].handle = 0;
        return truth (env, true);
      }
  return nil (env);
}

static emacs_value
Fneighbour (emacs_env *env, ptrdiff_t nargs, emacs_value *args, void *data)
{
  (void) nargs, (void) data;
  char *interface = copy_string (env, args[0]);
  char *address = interface ? copy_string (env, args[1]) : NULL;
  char words[MSUB_NEIGHBOUR_TEXT] = "";
  bool known = address && msub_neighbour (interface, address, words);
  free (interface);
  free (address);
  return known ? string (env, words) : nil (env);
}

static emacs_value
Fsource (emacs_env *env, ptrdiff_t nargs, emacs_value *args, void *data)
{
  (void) nargs, (void) data;
  char *address = copy_string (env, args[0]);
  if (!address)
    return nil (env);
  struct msub_address source;
  char name[16];
  bool found = msub_address_source (address, &source) == 0;
  emacs_value value = found ? string (env, source.text) : env->intern (env, msub_errno_name (errno, name));
  free (address);
  return value;
}

static void
define (emacs_env *env, const char *name, ptrdiff_t min, ptrdiff_t max,
        emacs_value (*function) (emacs_env *, ptrdiff_t, emacs_value *, void *), const char *doc)
{
  emacs_value args[] = { env->intern (env, name), env->make_function (env, min, max, function, doc, NULL) };
  call (env, "defalias", 2, args);
}

EXPORT int
emacs_module_init (struct emacs_runtime *runtime)
{
  if (runtime->size < (ptrdiff_t) sizeof *runtime)
    return 1;
  emacs_env *env = runtime->get_environment (runtime);
  if (env->size < (ptrdiff_t) sizeof (struct emacs_env_28))
    return 2;
  define (env, "mew-submit--mod-version", 0, 0, Fversion, "Return the module's version.");
  define (env, "mew-submit--mod-libraries", 0, 0, Flibraries, "Return the libraries' versions as a plist.");
  define (env, "mew-submit--mod-open", 1, 1, Fopen,
          "Write an octet to pipe process PROCESS after each event.\n\n(fn PROCESS)");
  define (env, "mew-submit--mod-beat", 1, 1, Fbeat,
          "Write an octet to that process after each MSECS as well, however the clock is set.\n\n(fn MSECS)");
  define (env, "mew-submit--mod-start", 1, 1, Fstart,
          "Start to deliver what the plist REQUEST says; return the job's number.\n\n(fn REQUEST)");
  define (env, "mew-submit--mod-drain", 0, 0, Fdrain, "Return the events so far as plists, and forget them.");
  define (env, "mew-submit--mod-cancel", 1, 1, Fcancel,
          "Ask job ID to stop; return nil when it has ended already.\n\n(fn ID)");
  define (env, "mew-submit--mod-answer", 2, 3, Fanswer,
          "Answer job ID's question with TEXT and SECRET; nil when it has none.\n\n(fn ID TEXT &optional SECRET)");
  define (env, "mew-submit--mod-jobs", 0, 0, Fjobs, "Return the number of jobs whose thread has not ended.");
  define (env, "mew-submit--mod-stop", 1, 1, Fstop,
          "Ask all jobs to stop, wait at most MSECS; return how many still run.\n\n(fn MSECS)");
  define (env, "mew-submit--mod-read", 1, 1, Fread,
          "Wait for octets from descriptor FD; return them, or nil at its end.\n\n(fn FD)");
  define (env, "mew-submit--mod-spool", 2, 2, Fspool,
          "Copy descriptor FD until its end to the new file FILE; return the octets.\n\n(fn FD FILE)");
  define (env, "mew-submit--mod-lock", 1, 1, Flock,
          "Lock FILE against everybody else; return a handle.\n"
          "Return nil when somebody else has it locked, or it is no more.\n\n(fn FILE)");
  define (env, "mew-submit--mod-unlock", 1, 1, Funlock,
          "Give up the lock HANDLE; return nil when it is none.\n\n(fn HANDLE)");
  define (env, "mew-submit--mod-owner", 2, 2, Fowner,
          "Tell of the TCP socket at FROM that is connected to TO.\n"
          "Both are vectors of an address's octets, and its port.  Return a list of its\n"
          "user's number, whether a process has it, and how many octets the other end has\n"
          "not taken; nil when there is none; `unknown' when the system does not tell.\n\n(fn FROM TO)");
  define (env, "mew-submit--mod-ignore-pipe", 0, 0, Fignore_pipe,
          "Have writing to a connection that was closed be an error, and not end Emacs.");
  define (env, "mew-submit--mod-sync", 1, 1, Fsync, "Have FILE, or a directory, on disk.\n\n(fn FILE)");
  define (env, "mew-submit--mod-neighbour", 2, 2, Fneighbour,
          "Return the link-layer address of ADDRESS on INTERFACE if the system knows it.\n\n(fn INTERFACE ADDRESS)");
  define (env, "mew-submit--mod-source", 1, 1, Fsource,
          "Return our address for packets to the numeric ADDRESS, or why there is none, a symbol such as ENETUNREACH."
          "\n\n(fn ADDRESS)");
  emacs_value feature = env->intern (env, "mew-submit-module-native");
  call (env, "provide", 1, &feature);
  return 0;
}
