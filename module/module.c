/* module.c --- the boundary: Lisp's arguments in, plists out.

   Floor 12.  The only file that includes emacs-module.h: an emacs_env or an emacs_value lives here and only during a call
   from Lisp.
   SPDX-License-Identifier: GPL-3.0-or-later  */

#define _GNU_SOURCE
#include "disk.h"
#include "ending.h"
#include "gate.h"
#include "job.h"
#include "neighbour.h"
#include "net.h"
#include "owner.h"
#include "sasl.h"

#include <emacs-module.h>
#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#define EXPORT __attribute__ ((visibility ("default")))

EXPORT int plugin_is_GPL_compatible;

/* The same as mew-submit-module--version in Lisp; MSUB_INTERFACE, from the Makefile, is mew-submit-module--interface.  */
#define VERSION "0.2.0"

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
  char condition[64];
  snprintf (condition, sizeof condition, "mew-submit-%s", msub_kind_name (err->kind));
  signal_text (env, condition, err->text);
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
read_route (emacs_env *env, emacs_value value, struct msub_race_options *race)
{
  static const char *const families[] = { "ipv4", "ipv6" };
  static const char *const modes[] = { "none", "starttls", "implicit" };
  _Static_assert (sizeof modes / sizeof *modes == MSUB_TLS_MODES, "a word for each mode");
  static const char *const services[] = { "submission", "transfer", "pop", "imap" };
  _Static_assert (sizeof services / sizeof *services == MSUB_SERVICES, "a word for each service");
  if (race->count == MSUB_ROUTES_MAX)
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
  race->routes[race->count++] = (struct msub_route) {
    .port = (uint16_t) port,
    .family = family == 1 ? AF_INET6 : AF_INET,
    .tls = (enum msub_tls_mode) mode,
    .service = (enum msub_service) service,
    .demoted = demoted,
  };
}

static void
read_routes (emacs_env *env, emacs_value list, struct msub_race_options *race)
{
  for (; env->is_not_nil (env, list) && !failed (env); list = cdr (env, list))
    read_route (env, car (env, list), race);
}

/* Copy LIST, of strings, to *TEXTS_R, which ends with NULL, as far as things went.  */
static void
read_texts (emacs_env *env, emacs_value list, char ***texts_r)
{
  emacs_value length = call (env, "length", 1, &list);
  intmax_t count = failed (env) ? 0 : env->extract_integer (env, length);
  if (failed (env) || count == 0 || *texts_r)
    return;
  *texts_r = calloc ((size_t) count + 1, sizeof **texts_r);
  if (!*texts_r)
    signal_text (env, "mew-submit-internal", "Out of memory");
  for (size_t n = 0; !failed (env) && env->is_not_nil (env, list); list = cdr (env, list), n++)
    (*texts_r)[n] = copy_string (env, car (env, list));
}

/* A list of (PORT . FINGERPRINT).  */
static void
read_pins (emacs_env *env, emacs_value list, struct msub_pins *pins)
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
      if (fits && pins->count < MSUB_PINS_MAX)
        pins->all[pins->count++] = pin;
      else
        signal_text (env, "mew-submit-config", "A pin cannot be used, or there are too many of them");
    }
}

/* Read VALUE into the member that KEY is for.  False when there is none.  */
static bool
read_key (emacs_env *env, const char *key, emacs_value value, struct msub_request *request)
{
  /* clang-format off */
#define ROW(name, ...) if (strcmp (key, name) == 0) { __VA_ARGS__; return true; }
#define TEXT(in, member, name) ROW (name, read_text (env, value, &request->in member))
#define SECRET TEXT
#define TEXTS(in, member, name) ROW (name, read_texts (env, value, &request->in member))
#define SECRETS TEXTS
#define MSECS(in, member, name) ROW (name, request->in member = read_msecs (env, value))
#define TRUTH(in, member, name) ROW (name, request->in member = env->is_not_nil (env, value))
#define CHOICE(in, member, name, type, ...) \
  ROW (name, static const char *const words[] = { __VA_ARGS__ }; \
             request->in member = (type) read_choice (env, value, words, (int) (sizeof words / sizeof *words)))
#define ROUTES(in, name) ROW (name, read_routes (env, value, &request->in))
#define PINS(in, member, name) ROW (name, read_pins (env, value, &request->in member))
  /* clang-format on */
#define MSUB_ALL_KEYS
#include "request.def"
#undef ROW
  return false;
}

static size_t
count_texts (char *const *texts)
{
  size_t count = 0;
  while (texts && texts[count])
    count++;
  return count;
}

/* What is read: does it make a request?  */
static void
check_request (emacs_env *env, const struct msub_request *request)
{
  const struct msub_envelope *envelope = &request->envelope;
  bool message = request->probe || request->diagnose || (envelope->from && request->file);
  if ((envelope->notify && count_texts (envelope->notify) != envelope->count)
      || (envelope->original && count_texts (envelope->original) != envelope->count))
    signal_text (env, "mew-submit-config", "A list in a request is not as long as its :recipients");
  else if (!request->way.host || !request->helo || !message || request->race.count == 0)
    signal_text (env, "mew-submit-config", "A request needs :host, :routes, :helo, :from and :file");
  else if (request->way.tunnel.kind != MSUB_TUNNEL_NONE && !request->way.tunnel.place)
    signal_text (env, "mew-submit-config", "A tunnel needs a :tunnel-place");
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
      if (!read_key (env, key, car (env, plist), request) && !failed (env))
        {
          char text[128];
          msub_text_format (text, sizeof text, "Unknown key in a request: %s", key);
          signal_text (env, "mew-submit-config", text);
        }
      free (key);
      plist = cdr (env, plist);
    }
  request->envelope.count = count_texts (request->envelope.recipients);
  if (!failed (env))
    check_request (env, request);
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

/* The functions.  DATA of each is what is kept from call to call, until Emacs ends.  */

struct kept
{
  struct msub_locks *locks;
  struct msub_gates *gates;
};

#define UNUSED __attribute__ ((unused))
#define FUNCTION(name) \
  static emacs_value name (emacs_env *env, ptrdiff_t nargs UNUSED, emacs_value *args UNUSED, void *data UNUSED)

FUNCTION (Fversion)
{
  return string (env, VERSION);
}

FUNCTION (Finterface)
{
  return string (env, MSUB_INTERFACE);
}

FUNCTION (Flibraries)
{
  emacs_value list[] = { env->intern (env, ":gnutls"), string (env, msub_tls_version ()),
                         env->intern (env, ":gsasl"), string (env, msub_sasl_version ()) };
  return call (env, "list", 4, list);
}

FUNCTION (Fopen)
{
  int fd = env->open_channel (env, args[0]);
  if (failed (env))
    return nil (env);
  msub_jobs_channel (fd);
  return truth (env, true);
}

FUNCTION (Fstart)
{
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

FUNCTION (Fdrain)
{
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

FUNCTION (Fcancel)
{
  intmax_t id = env->extract_integer (env, args[0]);
  return failed (env) ? nil (env) : truth (env, msub_job_cancel ((uint64_t) id));
}

FUNCTION (Fanswer)
{
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

FUNCTION (Fjobs)
{
  return env->make_integer (env, (intmax_t) msub_jobs_running ());
}

FUNCTION (Fstop)
{
  int msecs = read_msecs (env, args[0]);
  return failed (env) ? nil (env) : env->make_integer (env, (intmax_t) msub_jobs_stop (msecs));
}

/* Has the user said C-g?  */
static bool
quit (void *env)
{
  emacs_env *e = env;
  return msub_ending_told () || e->process_input (e) == emacs_process_input_quit;
}

FUNCTION (Fspool)
{
  intmax_t in = env->extract_integer (env, args[0]);
  char *file = failed (env) ? NULL : copy_string (env, args[1]);
  if (!file)
    return nil (env);
  struct msub_error err = { 0 };
  intmax_t total = msub_disk_spool ((int) in, file, quit, env, &err);
  free (file);
  if (total < 0 && err.kind == MSUB_OK && msub_ending_told ())
    msub_fail (&err, MSUB_CANCELLED, "Told to stop");
  if (err.kind != MSUB_OK)
    signal_error (env, &err);
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

FUNCTION (Fowner)
{
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
FUNCTION (Fignore_pipe)
{
  struct sigaction ignore = { .sa_handler = SIG_IGN };
  sigaction (SIGPIPE, &ignore, NULL);
  return nil (env);
}

FUNCTION (Fsync)
{
  char *file = copy_string (env, args[0]);
  if (!file)
    return nil (env);
  struct msub_error err = { 0 };
  if (msub_disk_sync (file, &err))
    signal_error (env, &err);
  free (file);
  return truth (env, !failed (env));
}

FUNCTION (Fbeat)
{
  intmax_t msecs = env->extract_integer (env, args[0]);
  if (failed (env) || msecs <= 0 || msecs > INT_MAX)
    return nil (env);
  return truth (env, msub_jobs_beat ((unsigned) msecs) == 0);
}

/* For a program that is spoken to by its standard input, which Emacs has no other way to read octet by octet.  */
FUNCTION (Fread)
{
  intmax_t fd = env->extract_integer (env, args[0]);
  if (failed (env))
    return nil (env);
  char octets[65536];
  ssize_t n = msub_disk_read ((int) fd, octets, sizeof octets, quit, env);
  return n <= 0 ? nil (env) : env->make_unibyte_string (env, octets, n);
}

FUNCTION (Fend_when_told)
{
  intmax_t seconds = env->extract_integer (env, args[1]);
  int fd = failed (env) ? -1 : env->open_channel (env, args[0]);
  if (failed (env))
    return nil (env);
  return truth (env, msub_ending_watch (fd, seconds > 0 && seconds < INT_MAX ? (unsigned) seconds : 1) == 0);
}

FUNCTION (Flock)
{
  char *file = copy_string (env, args[0]);
  if (!file)
    return nil (env);
  struct msub_error err = { 0 };
  intmax_t handle = msub_locks_take (((struct kept *) data)->locks, file, &err);
  free (file);
  if (err.kind != MSUB_OK)
    signal_error (env, &err);
  return handle > 0 ? env->make_integer (env, handle) : nil (env);
}

FUNCTION (Funlock)
{
  intmax_t handle = env->extract_integer (env, args[0]);
  return failed (env) ? nil (env) : truth (env, msub_locks_give_up (((struct kept *) data)->locks, handle));
}

/* Gates */

/* As process-contact has it: a vector of four octets or eight words, and the port.  nil where ADDRESS is none.  */
static emacs_value
build_place (emacs_env *env, const struct msub_address *address)
{
  const struct sockaddr *any = (const struct sockaddr *) &address->sockaddr;
  emacs_value parts[9];
  ptrdiff_t count = 0;
  if (address->length == 0)
    return nil (env);
  const uint8_t *octets = any->sa_family == AF_INET6
                            ? ((const struct sockaddr_in6 *) &address->sockaddr)->sin6_addr.s6_addr
                            : (const uint8_t *) &((const struct sockaddr_in *) &address->sockaddr)->sin_addr;
  if (any->sa_family == AF_INET6)
    for (; count < 8; count++)
      parts[count] = env->make_integer (env, octets[2 * count] << 8 | octets[2 * count + 1]);
  else
    for (; count < 4; count++)
      parts[count] = env->make_integer (env, octets[count]);
  parts[count++] = env->make_integer (env, msub_address_port_of (any));
  return call (env, "vector", count, parts);
}

static int
open_gate (emacs_env *env, emacs_value *args, struct msub_gate_options *options, char *texts[5])
{
  const ptrdiff_t text_places[] = { 0, 2, 5, 6, 8 };
  for (size_t i = 0; i < 5 && !failed (env); i++)
    read_text (env, args[text_places[i]], &texts[i]);
  intmax_t port = failed (env) ? 0 : env->extract_integer (env, args[1]);
  intmax_t most = failed (env) ? 0 : env->extract_integer (env, args[3]);
  options->handshake_msecs = failed (env) ? 0 : read_msecs (env, args[4]);
  options->host = texts[0];
  options->path = texts[1];
  options->servers = texts[4];
  options->port = (uint16_t) port;
  options->most = most > 0 ? (size_t) most : 0;
  return failed (env) || !texts[0] || !texts[1] || port < 0 || port > 65535 ? -1 : 0;
}

FUNCTION (Fgate_open)
{
  char *texts[5] = { NULL };
  struct msub_gate_options options = { .implicit = env->is_not_nil (env, args[7]) };
  struct msub_error err = { 0 };
  char fingerprint[MSUB_FINGERPRINT] = "";
  uint16_t port = 0;
  intmax_t handle = 0;
  if (open_gate (env, args, &options, texts) == 0
      && (!texts[2] || (options.identity = msub_identity_load (texts[2], texts[3], fingerprint, &err))))
    handle = msub_gate_open (((struct kept *) data)->gates, &options, &port, &err);
  msub_identity_leave (options.identity);
  for (size_t i = 0; i < 5; i++)
    free (texts[i]);
  if (handle == 0)
    {
      if (err.kind == MSUB_OK)
        msub_fail (&err, MSUB_CONFIG, "The relay has no such place to listen");
      if (!failed (env))
        signal_error (env, &err);
      return nil (env);
    }
  emacs_value list[] = { env->make_integer (env, handle), env->make_integer (env, port), string (env, fingerprint) };
  return call (env, "list", 3, list);
}

FUNCTION (Fgate_close)
{
  intmax_t handle = env->extract_integer (env, args[0]);
  return failed (env) ? nil (env) : truth (env, msub_gate_close (((struct kept *) data)->gates, handle));
}

FUNCTION (Fgate_rest)
{
  int msecs = read_msecs (env, args[0]);
  return failed (env) ? nil (env)
                      : env->make_integer (env, (intmax_t) msub_gates_rest (((struct kept *) data)->gates, msecs));
}

FUNCTION (Fgate_guest)
{
  struct msub_guest guest;
  char *ticket = copy_string (env, args[0]);
  bool known = ticket && msub_gate_guest (((struct kept *) data)->gates, ticket, &guest);
  free (ticket);
  if (!known)
    return nil (env);
  emacs_value list[] = { build_place (env, &guest.ends.remote), build_place (env, &guest.ends.local),
                         build_place (env, &guest.ends.original), truth (env, guest.loop),
                         guest.server[0] ? string (env, guest.server) : nil (env) };
  return failed (env) ? nil (env) : call (env, "list", 5, list);
}

FUNCTION (Fgate_secure)
{
  intmax_t taken = env->extract_integer (env, args[1]);
  intmax_t said = failed (env) ? 0 : env->extract_integer (env, args[2]);
  char *ticket = failed (env) ? NULL : copy_string (env, args[0]);
  bool secure = ticket && taken >= 0 && said >= 0
                && msub_gate_secure (((struct kept *) data)->gates, ticket, (uint64_t) taken, (uint64_t) said);
  free (ticket);
  return failed (env) ? nil (env) : truth (env, secure);
}

FUNCTION (Fcertificate)
{
  char *file = copy_string (env, args[0]);
  char *name = file ? copy_string (env, args[1]) : NULL;
  struct msub_error err = { 0 };
  if (name && msub_identity_make (file, name, &err))
    signal_error (env, &err);
  free (file);
  free (name);
  return truth (env, !failed (env));
}

FUNCTION (Fneighbour)
{
  char *interface = copy_string (env, args[0]);
  char *address = interface ? copy_string (env, args[1]) : NULL;
  char words[MSUB_NEIGHBOUR_TEXT] = "";
  bool known = address && msub_neighbour (interface, address, words);
  free (interface);
  free (address);
  return known ? string (env, words) : nil (env);
}

FUNCTION (Fsource)
{
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

static const struct
{
  const char *name;
  ptrdiff_t min, max;
  emacs_value (*function) (emacs_env *env, ptrdiff_t nargs, emacs_value *args, void *data);
  const char *doc;
} functions[] = {
  { "mew-submit--mod-version", 0, 0, Fversion, "Return the module's version." },
  { "mew-submit--mod-interface", 0, 0, Finterface, "Return the number of the interface to Lisp." },
  { "mew-submit--mod-libraries", 0, 0, Flibraries, "Return the libraries' versions as a plist." },
  { "mew-submit--mod-open", 1, 1, Fopen, "Write an octet to pipe process PROCESS after each event.\n\n(fn PROCESS)" },
  { "mew-submit--mod-beat", 1, 1, Fbeat,
    "Write an octet to that process after each MSECS as well, however the clock is set.\n\n(fn MSECS)" },
  { "mew-submit--mod-start", 1, 1, Fstart,
    "Start to deliver what the plist REQUEST says; return the job's number.\n\n(fn REQUEST)" },
  { "mew-submit--mod-drain", 0, 0, Fdrain, "Return the events so far as plists, and forget them." },
  { "mew-submit--mod-cancel", 1, 1, Fcancel, "Ask job ID to stop; return nil when it has ended already.\n\n(fn ID)" },
  { "mew-submit--mod-answer", 2, 3, Fanswer,
    "Answer job ID's question with TEXT and SECRET; nil when it has none.\n\n(fn ID TEXT &optional SECRET)" },
  { "mew-submit--mod-jobs", 0, 0, Fjobs, "Return the number of jobs whose thread has not ended." },
  { "mew-submit--mod-stop", 1, 1, Fstop,
    "Ask all jobs to stop, wait at most MSECS; return how many still run.\n\n(fn MSECS)" },
  { "mew-submit--mod-spool", 2, 2, Fspool,
    "Copy descriptor FD until its end to the new file FILE; return the octets.\n\n(fn FD FILE)" },
  { "mew-submit--mod-lock", 1, 1, Flock,
    "Lock FILE against everybody else; return a handle.\n"
    "Return nil when somebody else has it locked, or it is no more.\n\n(fn FILE)" },
  { "mew-submit--mod-unlock", 1, 1, Funlock, "Give up the lock HANDLE; return nil when it is none.\n\n(fn HANDLE)" },
  { "mew-submit--mod-owner", 2, 2, Fowner,
    "Tell of the TCP socket at FROM that is connected to TO.\n"
    "Both are vectors of an address's octets, and its port.  Return a list of its\n"
    "user's number, whether a process has it, and how many octets the other end has\n"
    "not taken; nil when there is none; `unknown' when the system does not tell.\n\n(fn FROM TO)" },
  { "mew-submit--mod-ignore-pipe", 0, 0, Fignore_pipe,
    "Have writing to a connection that was closed be an error, and not end Emacs." },
  { "mew-submit--mod-end-when-told", 2, 2, Fend_when_told,
    "Write the number of SIGTERM, SIGHUP or SIGINT, once, to pipe process PROCESS, instead of what Emacs does.\n"
    "Emacs is gone SECONDS later at the latest.\n\n(fn PROCESS SECONDS)" },
  { "mew-submit--mod-read", 1, 1, Fread, "Wait for octets from descriptor FD; return them, or nil at its end.\n\n(fn FD)" },
  { "mew-submit--mod-sync", 1, 1, Fsync, "Have FILE, or a directory, on disk.\n\n(fn FILE)" },
  { "mew-submit--mod-gate-open", 9, 9, Fgate_open,
    "Listen on PORT of HOST for the relay at the Unix socket PATH, for MOST guests.\n"
    "With CERTIFICATE, a file, and KEY, the same or another one or nil, they can have\n"
    "TLS, with MSECS for the handshake, which IMPLICIT says is to come first.  Return\n"
    "a list of a handle, the port and the certificate's fingerprint.  SERVERS is nil\n"
    "or names, each with a newline, that redirected guests may have called."
    "\n\n(fn HOST PORT PATH MOST MSECS CERTIFICATE KEY IMPLICIT SERVERS)" },
  { "mew-submit--mod-gate-close", 1, 1, Fgate_close, "Listen no more at the gate HANDLE.\n\n(fn HANDLE)" },
  { "mew-submit--mod-gate-rest", 1, 1, Fgate_rest,
    "Wait MSECS at most until guests know what was said last; return how many do not.\n\n(fn MSECS)" },
  { "mew-submit--mod-gate-guest", 1, 1, Fgate_guest,
    "Tell of the guest with TICKET: a list of its address, of the one it has reached,\n"
    "of the one it had called when a filter's rule has led it here, of whether it is\n"
    "this Emacs, and of which of the gate's servers it had called.  Return nil when there is none.\n\n(fn TICKET)" },
  { "mew-submit--mod-gate-secure", 3, 3, Fgate_secure,
    "Have TLS with the guest with TICKET when it has been sent SAID octets.\n"
    "Return nil when that cannot be, or it has sent more than TAKEN octets before.\n\n(fn TICKET TAKEN SAID)" },
  { "mew-submit--mod-certificate", 2, 2, Fcertificate,
    "Make a key and a certificate for NAME, which it signs itself, in the new FILE.\n\n(fn FILE NAME)" },
  { "mew-submit--mod-neighbour", 2, 2, Fneighbour,
    "Return the link-layer address of ADDRESS on INTERFACE if the system knows it.\n\n(fn INTERFACE ADDRESS)" },
  { "mew-submit--mod-source", 1, 1, Fsource,
    "Return our address for packets to the numeric ADDRESS, or why there is none, a symbol such as ENETUNREACH."
    "\n\n(fn ADDRESS)" },
};

EXPORT int
emacs_module_init (struct emacs_runtime *runtime)
{
  if (runtime->size < (ptrdiff_t) sizeof *runtime)
    return 1;
  emacs_env *env = runtime->get_environment (runtime);
  if (env->size < (ptrdiff_t) sizeof (struct emacs_env_28))
    return 2;
  struct kept *kept = calloc (1, sizeof *kept);
  if (!kept || !(kept->locks = msub_locks_new ()) || !(kept->gates = msub_gates_new ()))
    return 3;
  for (size_t i = 0; i < sizeof functions / sizeof *functions; i++)
    {
      emacs_value function = env->make_function (env, functions[i].min, functions[i].max, functions[i].function,
                                                 functions[i].doc, kept);
      emacs_value args[] = { env->intern (env, functions[i].name), function };
      call (env, "defalias", 2, args);
    }
  emacs_value feature = env->intern (env, "mew-submit-native");
  call (env, "provide", 1, &feature);
  return 0;
}
