/* lisp.c --- values of Lisp: what a function of the module is given becomes C's, what C has becomes Lisp's.

   Floor 8.  SPDX-License-Identifier: GPL-3.0-or-later  */

#define _GNU_SOURCE
#include "lisp.h"

#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool
msub_lisp_failed (emacs_env *env)
{
  return env->non_local_exit_check (env) != emacs_funcall_exit_return;
}

emacs_value
msub_lisp_nil (emacs_env *env)
{
  return env->intern (env, "nil");
}

emacs_value
msub_lisp_truth (emacs_env *env, bool value)
{
  return env->intern (env, value ? "t" : "nil");
}

emacs_value
msub_lisp_string (emacs_env *env, const char *text)
{
  return env->make_string (env, text, (ptrdiff_t) strlen (text));
}

emacs_value
msub_lisp_call (emacs_env *env, const char *function, ptrdiff_t count, emacs_value *args)
{
  return env->funcall (env, env->intern (env, function), count, args);
}

void
msub_lisp_signal (emacs_env *env, const char *condition, const char *text)
{
  char clean[MSUB_TEXT_MAX];
  msub_text_clean (clean, sizeof clean, text, strlen (text));
  emacs_value args[] = { msub_lisp_string (env, clean) };
  emacs_value data = msub_lisp_call (env, "list", 1, args);
  if (!msub_lisp_failed (env))
    env->non_local_exit_signal (env, env->intern (env, condition), data);
}

void
msub_lisp_signal_error (emacs_env *env, const struct msub_error *err)
{
  char condition[64];
  snprintf (condition, sizeof condition, "mew-submit-%s", msub_kind_name (err->kind));
  msub_lisp_signal (env, condition, err->text);
}

char *
msub_lisp_copy_string (emacs_env *env, emacs_value value)
{
  ptrdiff_t size = 0;
  if (!env->copy_string_contents (env, value, NULL, &size))
    return NULL;
  char *copy = malloc ((size_t) size);
  if (!copy)
    {
      msub_lisp_signal (env, "mew-submit-internal", "Out of memory");
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
      msub_lisp_signal (env, "mew-submit-config", "A text holds a NUL octet");
      return NULL;
    }
  return copy;
}

static char *
copy_symbol_name (emacs_env *env, emacs_value symbol)
{
  emacs_value name = msub_lisp_call (env, "symbol-name", 1, &symbol);
  return msub_lisp_failed (env) ? NULL : msub_lisp_copy_string (env, name);
}

static emacs_value
car (emacs_env *env, emacs_value list)
{
  return msub_lisp_call (env, "car", 1, &list);
}

static emacs_value
cdr (emacs_env *env, emacs_value list)
{
  return msub_lisp_call (env, "cdr", 1, &list);
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
      msub_lisp_signal (env, "mew-submit-config", text);
    }
  free (name);
  return found;
}

void
msub_lisp_read_text (emacs_env *env, emacs_value value, char **text_r)
{
  if (env->is_not_nil (env, value) && !*text_r)
    *text_r = msub_lisp_copy_string (env, value);
}

int
msub_lisp_read_msecs (emacs_env *env, emacs_value value)
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
      msub_lisp_signal (env, "mew-submit-config", "A plan has too many routes");
      return;
    }
  emacs_value rest = cdr (env, value);
  intmax_t port = env->extract_integer (env, car (env, value));
  int family = msub_lisp_failed (env) ? -1 : read_choice (env, car (env, rest), families, 2);
  rest = cdr (env, rest);
  int mode = msub_lisp_failed (env) ? -1 : read_choice (env, car (env, rest), modes, MSUB_TLS_MODES);
  emacs_value more = msub_lisp_failed (env) ? rest : car (env, cdr (env, rest));
  bool demoted = !msub_lisp_failed (env) && env->eq (env, more, env->intern (env, "t"));
  int service = MSUB_SUBMISSION;
  if (!msub_lisp_failed (env) && !demoted && env->is_not_nil (env, more))
    service = read_choice (env, more, services, MSUB_SERVICES);
  if (msub_lisp_failed (env))
    return;
  if (port < 1 || port > 65535)
    {
      msub_lisp_signal (env, "mew-submit-config", "A port is not between 1 and 65535");
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
  for (; env->is_not_nil (env, list) && !msub_lisp_failed (env); list = cdr (env, list))
    read_route (env, car (env, list), race);
}

/* Copy LIST, of strings, to *TEXTS_R, which ends with NULL, as far as things went.  */
static void
read_texts (emacs_env *env, emacs_value list, char ***texts_r)
{
  emacs_value length = msub_lisp_call (env, "length", 1, &list);
  intmax_t count = msub_lisp_failed (env) ? 0 : env->extract_integer (env, length);
  if (msub_lisp_failed (env) || count == 0 || *texts_r)
    return;
  *texts_r = calloc ((size_t) count + 1, sizeof **texts_r);
  if (!*texts_r)
    msub_lisp_signal (env, "mew-submit-internal", "Out of memory");
  for (size_t n = 0; !msub_lisp_failed (env) && env->is_not_nil (env, list); list = cdr (env, list), n++)
    (*texts_r)[n] = msub_lisp_copy_string (env, car (env, list));
}

/* A list of (PORT . FINGERPRINT).  */
static void
read_pins (emacs_env *env, emacs_value list, struct msub_pins *pins)
{
  for (; env->is_not_nil (env, list) && !msub_lisp_failed (env); list = cdr (env, list))
    {
      emacs_value pair = car (env, list);
      intmax_t port = env->extract_integer (env, car (env, pair));
      char *fingerprint = msub_lisp_failed (env) ? NULL : msub_lisp_copy_string (env, cdr (env, pair));
      if (!fingerprint)
        return;
      struct msub_pin pin = { .port = (uint16_t) port };
      bool fits = port > 0 && port < 65536 && strlen (fingerprint) < sizeof pin.fingerprint;
      snprintf (pin.fingerprint, sizeof pin.fingerprint, "%s", fingerprint);
      free (fingerprint);
      if (fits && pins->count < MSUB_PINS_MAX)
        pins->all[pins->count++] = pin;
      else
        msub_lisp_signal (env, "mew-submit-config", "A pin cannot be used, or there are too many of them");
    }
}

/* Read VALUE into the member that KEY is for.  False when there is none.  */
static bool
read_key (emacs_env *env, const char *key, emacs_value value, struct msub_request *request)
{
  /* clang-format off */
#define ROW(name, ...) if (strcmp (key, name) == 0) { __VA_ARGS__; return true; }
#define TEXT(in, member, name) ROW (name, msub_lisp_read_text (env, value, &request->in member))
#define SECRET TEXT
#define TEXTS(in, member, name) ROW (name, read_texts (env, value, &request->in member))
#define SECRETS TEXTS
#define MSECS(in, member, name) ROW (name, request->in member = msub_lisp_read_msecs (env, value))
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
    msub_lisp_signal (env, "mew-submit-config", "A list in a request is not as long as its :recipients");
  else if (!request->way.host || !request->helo || !message || request->race.count == 0)
    msub_lisp_signal (env, "mew-submit-config", "A request needs :host, :routes, :helo, :from and :file");
  else if (request->way.tunnel.kind != MSUB_TUNNEL_NONE && !request->way.tunnel.place)
    msub_lisp_signal (env, "mew-submit-config", "A tunnel needs a :tunnel-place");
}

void
msub_lisp_read_request (emacs_env *env, emacs_value plist, struct msub_request *request)
{
  while (env->is_not_nil (env, plist) && !msub_lisp_failed (env))
    {
      char *key = copy_symbol_name (env, car (env, plist));
      plist = cdr (env, plist);
      if (!key || msub_lisp_failed (env))
        {
          free (key);
          return;
        }
      if (!read_key (env, key, car (env, plist), request) && !msub_lisp_failed (env))
        {
          char text[128];
          msub_text_format (text, sizeof text, "Unknown key in a request: %s", key);
          msub_lisp_signal (env, "mew-submit-config", text);
        }
      free (key);
      plist = cdr (env, plist);
    }
  request->envelope.count = count_texts (request->envelope.recipients);
  if (!msub_lisp_failed (env))
    check_request (env, request);
}

/* Events */

static emacs_value
build_list (emacs_env *env, const char *elements)
{
  emacs_value list = msub_lisp_nil (env);
  for (const char *p = elements; *p && !msub_lisp_failed (env);)
    {
      const char *newline = strchr (p, '\n');
      ptrdiff_t length = newline ? newline - p : (ptrdiff_t) strlen (p);
      emacs_value args[] = { env->make_string (env, p, length), list };
      list = msub_lisp_call (env, "cons", 2, args);
      p += length + (newline ? 1 : 0);
    }
  return msub_lisp_call (env, "nreverse", 1, &list);
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
      return msub_lisp_truth (env, field->integer);
    case MSUB_FIELD_TEXT:
      return msub_lisp_string (env, field->text);
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
  return !msub_lisp_failed (env);
}

emacs_value
msub_lisp_build_event (emacs_env *env, const struct msub_event *event)
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
      if (!msub_lisp_failed (env))
        count += 2;
      else if (!forget_failure (env))
        return msub_lisp_nil (env);
    }
  return msub_lisp_call (env, "list", count, args);
}

/* Addresses */

size_t
msub_lisp_read_place (emacs_env *env, emacs_value vector, uint8_t octets_r[16], uint16_t *port_r)
{
  ptrdiff_t size = env->vec_size (env, vector);
  if (!msub_lisp_failed (env) && size != 5 && size != 17)
    msub_lisp_signal (env, "mew-submit-internal", "Not an address and a port");
  for (ptrdiff_t i = 0; i < size - 1 && !msub_lisp_failed (env); i++)
    octets_r[i] = (uint8_t) env->extract_integer (env, env->vec_get (env, vector, i));
  if (!msub_lisp_failed (env))
    *port_r = (uint16_t) env->extract_integer (env, env->vec_get (env, vector, size - 1));
  return msub_lisp_failed (env) ? 0 : (size_t) size - 1;
}

emacs_value
msub_lisp_build_place (emacs_env *env, const struct msub_address *address)
{
  const struct sockaddr *any = (const struct sockaddr *) &address->sockaddr;
  emacs_value parts[9];
  ptrdiff_t count = 0;
  if (address->length == 0)
    return msub_lisp_nil (env);
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
  return msub_lisp_call (env, "vector", count, parts);
}
