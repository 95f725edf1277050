/* script.c --- the directives: what a listener does differently from a good server.

   SPDX-License-Identifier: GPL-3.0-or-later  */

#define _GNU_SOURCE
#include "peer.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

static const char *const step_names[] = {
  "connect", "greeting", "ehlo", "helo", "starttls", "tls",  "ehlo2", "auth", "auth-step",
  "auth-end", "mail",    "rcpt", "data", "block",    "dot",  "rset",  "noop", "quit",
};
_Static_assert (sizeof step_names / sizeof *step_names == STEPS, "a name for each step");

/* What stands behind the colon.  */
enum argument { NOTHING, NUMBER, MAYBE_NUMBER, LINE, RAW };

static const struct
{
  const char *name;
  enum argument argument;
} acts[] = {
  { "reply", LINE },       { "before", RAW },       { "after", RAW },
  { "inject", RAW },       { "delay", NUMBER },     { "drip", NUMBER },
  { "split", NUMBER },     { "close", NOTHING },    { "reset", NOTHING },
  { "stall", NOTHING },    { "closeafter", NOTHING }, { "resetafter", NOTHING },
  { "flood", NUMBER },     { "longline", NUMBER },  { "endless", NOTHING },
  { "repeat", NUMBER },    { "truncate", MAYBE_NUMBER }, { "early", NOTHING },
  { "plaintext", LINE },   { "alert", NUMBER },     { "tiny-records", MAYBE_NUMBER },
  { "hold", RAW },         { "warning", NUMBER },
};
_Static_assert (sizeof acts / sizeof *acts == ACTS, "a name for each act");

enum type { FLAG, WORD, COUNT, TEXT };
#define AT(member) offsetof (struct script, member)

static const struct
{
  const char *key;
  enum type type;
  size_t offset;
} settings[] = {
  { "plain", FLAG, AT (plain) },
  { "implicit", FLAG, AT (implicit) },
  { "noauth", FLAG, AT (noauth) },
  { "chunking", FLAG, AT (chunking) },
  { "require-tls", FLAG, AT (require_tls) },
  { "silent", FLAG, AT (silent) },
  { "refused", FLAG, AT (refused) },
  { "request-client-cert", FLAG, AT (request_client_cert) },
  { "require-client-cert", FLAG, AT (require_client_cert) },
  { "tickets", FLAG, AT (tickets) },
  { "no-close-notify", FLAG, AT (no_close_notify) },
  { "renegotiate", FLAG, AT (renegotiate) },
  { "name", WORD, AT (name) },
  { "host", WORD, AT (host) },
  { "cert", WORD, AT (cert) },
  { "staple", WORD, AT (staple) },
  { "tls-versions", WORD, AT (tls_versions) },
  { "tls-priority", WORD, AT (tls_priority) },
  { "alpn", WORD, AT (alpn) },
  { "tls-inject", TEXT, AT (tls_inject) },
  { "mechs", WORD, AT (mechs) },
  { "mechs-clear", WORD, AT (mechs_clear) },
  { "dh", COUNT, AT (dh) },
  { "block-at", COUNT, AT (block_at) },
  { "rcvbuf", COUNT, AT (rcvbuf) },
};

static const struct
{
  const char *key;
  enum type type;
  size_t offset;
} auth_modes[] = {
  { "strip-plus", FLAG, AT (strip_plus) },
  { "no-server-final", FLAG, AT (no_server_final) },
  { "235-after-client-first", FLAG, AT (ok_after_client_first) },
  { "235-after-cancel", FLAG, AT (ok_after_cancel) },
  { "endless-challenges", FLAG, AT (endless_challenges) },
  { "error-attr", FLAG, AT (error_attr) },
  { "error-first", FLAG, AT (error_first) },
  { "wrong-signature", FLAG, AT (wrong_signature) },
  { "echo-credentials", FLAG, AT (echo_credentials) },
  { "xoauth2-json", FLAG, AT (xoauth2_json) },
  { "cb-mismatch", FLAG, AT (cb_mismatch) },
  { "challenge", TEXT, AT (challenge) },
  { "server-first", TEXT, AT (server_first) },
  { "server-final", TEXT, AT (server_final) },
};

/* Modes of AUTH that are server-first messages; $r is the nonce, $c the client's part of it.  */
static const struct
{
  const char *name, *message;
} server_firsts[] = {
  { "bad-nonce", "r=X$r,s=$s,i=$i" },
  { "nonce-unchanged", "r=$c,s=$s,i=$i" },
  { "salt-missing", "r=$r,i=$i" },
};

const char *
step_name (enum step step)
{
  return step_names[step];
}

/* --- text --------------------------------------------------------------------------------- */

static int
hex_octet (const char *p)
{
  char buf[3] = { p[0], p[0] ? p[1] : '\0', '\0' }, *end;
  long value = strtol (buf, &end, 16);
  return end == buf + 2 && buf[0] != '-' && buf[0] != '+' && buf[0] != ' ' ? (int) value : -1;
}

/* Undo the escapes of P: \r \n \t \e \0 \\ \, \xHH %XX.  A \c at the end means that a LINE gets
   no CRLF.  */
static struct text
unescape (const char *p, bool line)
{
  struct text t = { need (malloc (strlen (p) + 3)), 0 };
  bool bare = false;
  for (; *p; p++)
    {
      static const char from[] = "rnte0", to[] = "\r\n\t\033";
      const char *known;
      int octet;
      if (*p == '%' && (octet = hex_octet (p + 1)) >= 0)
        {
          t.p[t.n++] = (char) octet;
          p += 2;
        }
      else if (*p != '\\' || !p[1])
        t.p[t.n++] = *p;
      else if (p[1] == 'x' && (octet = hex_octet (p + 2)) >= 0)
        {
          t.p[t.n++] = (char) octet;
          p += 3;
        }
      else if (p[1] == 'c' && !p[2])
        {
          bare = true;
          p++;
        }
      else
        {
          p++;
          known = strchr (from, *p);
          t.p[t.n++] = known ? to[known - from] : *p;
        }
    }
  if (line && !bare && (t.n == 0 || t.p[t.n - 1] != '\n'))
    {
      t.p[t.n++] = '\r';
      t.p[t.n++] = '\n';
    }
  t.p[t.n] = '\0';
  return t;
}

/* A number with an optional k or M behind it.  -1 when P is none.  */
static long
number (const char *p)
{
  char *end;
  long n = strtol (p, &end, 10);
  if (end == p || n < 0 || n > INT_MAX)
    return -1;
  long factor = *end == 'k' ? 1024 : *end == 'M' ? 1024 * 1024 : 1;
  return end[factor > 1] == '\0' ? n * factor : -1;
}

void
script_split (const char *text, char ***list, size_t *n)
{
  for (const char *p = text;; p++)
    {
      const char *start = p;
      while (*p && *p != ',')
        p += *p == '\\' && p[1] ? 2 : 1;
      *list = need (realloc (*list, (*n + 1) * sizeof **list));
      (*list)[(*n)++] = need (strndup (start, (size_t) (p - start)));
      if (!*p)
        return;
    }
}

/* --- parsing ------------------------------------------------------------------------------ */

/* STEP[#N]=ACT[N][:ARGUMENT].  */
static int
parse_action (struct script *s, const char *key, const char *value)
{
  struct action a = { .number = 0 };
  size_t n = strcspn (key, "#"), step = 0, act = 0;
  while (step < STEPS && (strlen (step_names[step]) != n || strncmp (key, step_names[step], n)))
    step++;
  if (step == STEPS)
    return -1;
  if (key[n] == '#')
    a.nth = (unsigned) atoi (key + n + 1);
  n = strcspn (value, ":");
  size_t letters = n;
  while (letters > 0 && value[letters - 1] >= '0' && value[letters - 1] <= '9')
    letters--;
  while (act < ACTS && (strlen (acts[act].name) != letters
                        || strncmp (value, acts[act].name, letters)))
    act++;
  if (act == ACTS)
    return -1;
  if (letters < n)
    a.nth = (unsigned) atoi (value + letters);
  enum argument kind = acts[act].argument;
  const char *argument = value[n] == ':' ? value + n + 1 : NULL;
  if ((kind == NOTHING) != !argument && kind != MAYBE_NUMBER)
    return -1;
  a.step = (enum step) step;
  a.act = (enum act) act;
  if (kind == LINE || kind == RAW)
    a.text = unescape (argument, kind == LINE);
  else if (argument && (a.number = number (argument)) < 0)
    return -1;
  s->actions = need (realloc (s->actions, (s->n_actions + 1) * sizeof *s->actions));
  s->actions[s->n_actions++] = a;
  return 0;
}

static void
set_text (struct text *t, const char *value, bool raw)
{
  free (t->p);
  if (raw)
    *t = (struct text) { need (strdup (value)), strlen (value) };
  else
    *t = unescape (value, false);
}

static int
set (struct script *s, enum type type, size_t offset, const char *value)
{
  void *member = (char *) s + offset;
  if ((type == FLAG) != !value)
    return -1;
  if (type == FLAG)
    *(bool *) member = true;
  else if (type == TEXT)
    set_text (member, value, false);
  else if (type == COUNT)
    return (*(long *) member = number (value)) < 0 ? -1 : 0;
  else
    {
      struct text t = unescape (value, false);
      free (*(char **) member);
      *(char **) member = t.p;
    }
  return 0;
}

static int
parse_auth_mode (struct script *s, const char *value)
{
  if (strcmp (value, "normal") == 0)
    return 0;
  if (strncmp (value, "iterations:", 11) == 0)
    {
      /* A small plain number is used honestly, by both sides; anything else is only said.  */
      char *message = printed ("r=$r,s=$s,i=%s", value + 11);
      s->iterations = number (value + 11);
      if (s->iterations < 1 || s->iterations > 1000000)
        set_text (&s->server_first, message, true);
      free (message);
      return 0;
    }
  for (size_t i = 0; i < sizeof server_firsts / sizeof *server_firsts; i++)
    if (strcmp (value, server_firsts[i].name) == 0)
      {
        set_text (&s->server_first, server_firsts[i].message, true);
        return 0;
      }
  size_t n = strcspn (value, ":");
  for (size_t i = 0; i < sizeof auth_modes / sizeof *auth_modes; i++)
    if (strlen (auth_modes[i].key) == n && strncmp (value, auth_modes[i].key, n) == 0)
      return set (s, auth_modes[i].type, auth_modes[i].offset,
                  value[n] == ':' ? value + n + 1 : NULL);
  return -1;
}

static int
parse_cap (struct script *s, const char *key, const char *value)
{
  bool inside = strncmp (key, "cap2", 4) == 0;
  const char *sign = key + (inside ? 4 : 3);
  if (strncmp (key, "cap", 3) != 0 || !value || (strcmp (sign, "+") && strcmp (sign, "-")))
    return -1;
  s->caps = need (realloc (s->caps, (s->n_caps + 1) * sizeof *s->caps));
  struct text t = unescape (value, false);
  s->caps[s->n_caps++] = (struct cap_change) { inside, *sign == '+', t.p };
  return 0;
}

static int
parse_one (struct script *s, const char *text)
{
  size_t n = strcspn (text, "=:");
  char *key = need (strndup (text, n));
  const char *value = text[n] ? text + n + 1 : NULL;
  int r = -1;
  for (size_t i = 0; i < sizeof settings / sizeof *settings; i++)
    if (strcmp (key, settings[i].key) == 0)
      {
        r = set (s, settings[i].type, settings[i].offset, value);
        goto out;
      }
  if (value && strcmp (key, "auth-mode") == 0)
    r = parse_auth_mode (s, value);
  else if (value && strcmp (key, "slow-greeting") == 0)
    {
      char *delay = printed ("delay:%s", value);
      r = parse_action (s, "greeting", delay);
      free (delay);
    }
  else if (strcmp (text, "accept-close") == 0 || strcmp (text, "accept-reset") == 0)
    r = parse_action (s, "connect", text + 7);
  else if (strncmp (key, "cap", 3) == 0)
    r = parse_cap (s, key, value);
  else if (value && text[n] == '=')
    r = parse_action (s, key, value);
out:
  free (key);
  return r;
}

/* Does a directive hold for CONNECTION?  Skips its prefix `N:' or `N+:'.  */
static bool
applies (const char **text, unsigned connection)
{
  char *end;
  unsigned long from = strtoul (*text, &end, 10);
  if (end == *text || (*end != ':' && strncmp (end, "+:", 2) != 0))
    return true;
  bool onward = *end == '+';
  *text = end + (onward ? 2 : 1);
  return connection == 0 || connection == from || (onward && connection > from);
}

struct script *
script_parse (char *const *directives, size_t n, unsigned connection, char *error,
              size_t error_size)
{
  struct script *s = need (calloc (1, sizeof *s));
  s->block_at = 1024;
  for (size_t i = 0; i < n; i++)
    {
      const char *text = directives[i];
      if (!applies (&text, connection) || !*text)
        continue;
      if (parse_one (s, text) < 0)
        {
          snprintf (error, error_size, "cannot understand the directive `%s'", text);
          script_free (s);
          return NULL;
        }
    }
  if (s->cert && !certs_known (s->cert))
    snprintf (error, error_size, "no certificate `%s'", s->cert);
  else if (s->staple && !certs_staple_known (s->staple))
    snprintf (error, error_size, "no OCSP response `%s'", s->staple);
  else
    {
      if (!s->cert)
        s->cert = need (strdup ("good"));
      if (!s->host)
        s->host = need (strdup ("smtp.example.org"));
      return s;
    }
  script_free (s);
  return NULL;
}

void
script_free (struct script *s)
{
  if (!s)
    return;
  for (size_t i = 0; i < sizeof settings / sizeof *settings; i++)
    if (settings[i].type == WORD)
      free (*(char **) ((char *) s + settings[i].offset));
  free (s->tls_inject.p);
  free (s->challenge.p);
  free (s->server_first.p);
  free (s->server_final.p);
  for (size_t i = 0; i < s->n_caps; i++)
    free (s->caps[i].text);
  free (s->caps);
  for (size_t i = 0; i < s->n_actions; i++)
    free (s->actions[i].text.p);
  free (s->actions);
  free (s);
}

void
script_plan (const struct script *s, enum step step, unsigned nth, struct plan *plan)
{
  memset (plan, 0, sizeof *plan);
  /* What names an occurrence comes second, so that it wins.  */
  for (int named = 0; named < 2; named++)
    for (size_t i = 0; i < s->n_actions; i++)
      {
        const struct action *a = &s->actions[i];
        if (a->step != step || (named ? a->nth != nth : a->nth != 0))
          continue;
        plan->has[a->act] = true;
        plan->number[a->act] = a->number;
        plan->text[a->act] = a->text;
      }
}
