/* reply.c --- one reply, sent as the script wants it.

   SPDX-License-Identifier: GPL-3.0-or-later  */

#define _GNU_SOURCE
#include "peer.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#define ENDLESS_MAX (64u * 1024 * 1024)
#define LOGGED_MAX 512

bool
scripted (const struct conn *c, enum step step)
{
  struct plan plan;
  script_plan (c->script, step, c->count[step] + 1, &plan);
  for (int i = 0; i < ACTS; i++)
    if (plan.has[i])
      return true;
  return false;
}

int
answer_preview (const struct conn *c, enum step step, const char *normal)
{
  struct plan plan;
  script_plan (c->script, step, c->count[step] + 1, &plan);
  const bool *has = plan.has;
  if (has[ACT_CLOSE] || has[ACT_RESET] || has[ACT_STALL] || has[ACT_ENDLESS] || has[ACT_TRUNCATE])
    return -1;
  return (has[ACT_REPLY] ? plan.text[ACT_REPLY].p : normal)[0] == '2';
}

void
stall (struct conn *c, bool reading)
{
  wire_flush (&c->wire);
  log_event (c, "stall", "");
  while (reading && read_line (c, WIRE_IN))
    continue;
  if (!reading)
    wire_wait_close (&c->wire, STALL_MSECS);
}

static int
leave (struct conn *c, enum wire_end how)
{
  wire_flush (&c->wire);
  log_event (c, "leave", "b", "reset", how == END_RESET);
  if (how == END_POLITE && c->script->no_close_notify)
    how = END_NO_NOTIFY;
  wire_end (&c->wire, how);
  return -1;
}

/* --- capabilities ------------------------------------------------------------------------- */

const char *
offered (const struct conn *c, const char *keyword)
{
  size_t n = strlen (keyword);
  for (const char *p = c->caps; *p; p = strchr (p, '\n') + 1)
    if (strncasecmp (p, keyword, n) == 0 && (p[n] == ' ' || p[n] == '\n'))
      return p + n + (p[n] == ' ');
  return NULL;
}

static bool
taken_away (const struct script *s, const char *line, bool inside)
{
  for (size_t i = 0; i < s->n_caps; i++)
    {
      size_t n = strlen (s->caps[i].text);
      if (!s->caps[i].add && s->caps[i].inside == inside
          && strncasecmp (line, s->caps[i].text, n) == 0 && (line[n] == ' ' || !line[n]))
        return true;
    }
  return false;
}

/* The reply to EHLO before or inside TLS.  The caller frees it.  */
static char *
ehlo_reply (const struct conn *c, bool inside)
{
  const struct script *s = c->script;
  const char *mechs = inside ? auth_mechanisms (c) : s->mechs_clear;
  char auth[512];
  snprintf (auth, sizeof auth, "AUTH %s", mechs && options.user ? mechs : "");
  for (char *p = auth; *p; p++)
    *p = *p == '+' ? ' ' : *p;
  const char *lines[] = {
    "PIPELINING", "SIZE 52428800", "8BITMIME", "SMTPUTF8", "ENHANCEDSTATUSCODES", "DSN",
    s->chunking ? "CHUNKING" : NULL,
    inside || s->plain || s->implicit ? NULL : "STARTTLS",
    mechs && options.user ? auth : NULL,
  };
  char *text = printed ("250-%s\r\n", s->host), *last = text;
  for (size_t i = 0; i < sizeof lines / sizeof *lines + s->n_caps; i++)
    {
      size_t k = i - sizeof lines / sizeof *lines;
      bool own = i < sizeof lines / sizeof *lines;
      const char *line = own ? lines[i] : s->caps[k].text;
      if (!line || (own ? taken_away (s, line, inside)
                        : !s->caps[k].add || s->caps[k].inside != inside))
        continue;
      size_t before = strlen (text);
      last = printed ("%s250-%s\r\n", text, line);
      free (text);
      text = last;
      last = text + before;
    }
  last[3] = ' ';
  return text;
}

/* What the client may now rely on: the lines of TEXT but the first.  */
static void
note_capabilities (struct conn *c, const char *text)
{
  size_t n = 0;
  const char *p = strchr (text, '\n');
  while (p && strlen (p) > 5 && strncmp (p + 1, "250", 3) == 0)
    {
      const char *line = p + 5;
      p = strchr (line, '\n');
      size_t length = strcspn (line, "\r\n");
      if (n + length + 2 < sizeof c->caps)
        {
          memcpy (c->caps + n, line, length);
          n += length;
          c->caps[n++] = '\n';
        }
    }
  c->caps[n] = '\0';
}

/* --- sending a reply too early ------------------------------------------------------------ */

/* Is STEP the one after which the reply to EARLY would come too early?  */
static bool
precedes (const struct conn *c, enum step step, enum step early)
{
  bool auth = step == STEP_AUTH || step == STEP_AUTH_STEP || step == STEP_AUTH_END;
  bool ehlo = step == STEP_EHLO2 || step == STEP_HELO
              || (step == STEP_EHLO && c->script->plain);
  switch (early)
    {
    case STEP_EHLO:
    case STEP_HELO:
      return step == STEP_GREETING;
    case STEP_STARTTLS:
      return step == STEP_EHLO;
    case STEP_EHLO2:
      return step == (c->script->implicit ? STEP_GREETING : STEP_STARTTLS);
    case STEP_AUTH:
      return ehlo;
    case STEP_MAIL:
      return options.user && !c->script->noauth ? auth : ehlo;
    case STEP_RCPT:
      return step == STEP_MAIL;
    case STEP_DATA:
      return step == STEP_RCPT;
    case STEP_DOT:
      return step == STEP_DATA;
    case STEP_QUIT:
      return step == STEP_DOT;
    default:
      return false;
    }
}

static char *
normal_reply (const struct conn *c, enum step step)
{
  switch (step)
    {
    case STEP_EHLO:
    case STEP_EHLO2:
      return ehlo_reply (c, step == STEP_EHLO2);
    case STEP_STARTTLS:
      return printed ("220 2.0.0 Ready to start TLS\r\n");
    case STEP_AUTH:
      return printed ("235 2.7.0 Authentication successful\r\n");
    case STEP_DATA:
      return printed ("354 End data with <CR><LF>.<CR><LF>\r\n");
    case STEP_QUIT:
      return printed ("221 2.0.0 Bye\r\n");
    default:
      return printed ("250 2.0.0 Ok\r\n");
    }
}

static void
append (struct text *t, const char *p, size_t n)
{
  t->p = need (realloc (t->p, t->n + n + 1));
  memcpy (t->p + t->n, p, n);
  t->n += n;
  t->p[t->n] = '\0';
}

static void
append_early (struct conn *c, enum step step, struct text *out)
{
  for (enum step early = 0; early < STEPS; early++)
    {
      struct plan plan;
      script_plan (c->script, early, c->count[early] + 1, &plan);
      if (!plan.has[ACT_EARLY] || c->early[early].p || !precedes (c, step, early))
        continue;
      char *normal = normal_reply (c, early);
      const struct text *reply = plan.has[ACT_REPLY] ? &plan.text[ACT_REPLY] : NULL;
      append (&c->early[early], reply ? reply->p : normal, reply ? reply->n : strlen (normal));
      append (out, c->early[early].p, c->early[early].n);
      free (normal);
    }
}

/* --- a reply ------------------------------------------------------------------------------ */

/* COUNT lines with the code of REPLY that announce more to come.  */
static void
append_flood (const char *reply, long count, struct text *out)
{
  char *lines = NULL;
  size_t n;
  FILE *f = need (open_memstream (&lines, &n));
  for (long i = 0; i < count; i++)
    fprintf (f, "%.3s-continuation line %ld\r\n", reply, i + 1);
  fclose (f);
  append (out, lines, n);
  free (lines);
}

/* The reply proper, by PLAN and NORMAL.  */
static void
build (const struct plan *plan, const char *normal, struct text *out)
{
  struct text base = { (char *) normal, strlen (normal) };
  if (plan->has[ACT_REPLY])
    base = plan->text[ACT_REPLY];
  if (plan->has[ACT_BEFORE])
    append (out, plan->text[ACT_BEFORE].p, plan->text[ACT_BEFORE].n);
  if (plan->has[ACT_FLOOD])
    append_flood (base.p, plan->number[ACT_FLOOD], out);
  if (plan->has[ACT_LONGLINE])
    {
      size_t n = (size_t) plan->number[ACT_LONGLINE];
      char *line = need (malloc (n + 7));
      int head = snprintf (line, 5, "%.3s ", base.p);
      memset (line + head, 'x', n);
      memcpy (line + head + n, "\r\n", 3);
      append (out, line, (size_t) head + n + 2);
      free (line);
    }
  else
    for (long i = plan->has[ACT_REPEAT] ? plan->number[ACT_REPEAT] : 1; i > 0; i--)
      append (out, base.p, base.n);
  if (plan->has[ACT_AFTER])
    append (out, plan->text[ACT_AFTER].p, plan->text[ACT_AFTER].n);
}

/* One line without an end, until the client leaves.  */
static int
send_endless (struct conn *c, const char *normal)
{
  char block[8192];
  memset (block, 'x', sizeof block);
  wire_hold (&c->wire, normal, 3);
  wire_hold (&c->wire, "-", 1);
  int r = wire_flush (&c->wire);
  for (size_t n = 0; r == 0 && n < ENDLESS_MAX; n += sizeof block)
    r = wire_send_slowly (&c->wire, block, sizeof block, 0, 0);
  if (r == 0)
    stall (c, true);
  return -1;
}

static int
send_reply (struct conn *c, const struct plan *plan, const struct text *out)
{
  size_t n = out->n;
  if (plan->has[ACT_TRUNCATE])
    {
      size_t cut = plan->number[ACT_TRUNCATE] ? (size_t) plan->number[ACT_TRUNCATE] : n / 2;
      n = cut < n ? cut : n;
    }
  if (plan->has[ACT_DRIP] || plan->has[ACT_SPLIT])
    {
      size_t chunk = plan->has[ACT_SPLIT] ? (size_t) plan->number[ACT_SPLIT] : 1;
      long msecs = plan->has[ACT_DRIP] ? plan->number[ACT_DRIP] : 10;
      if (wire_flush (&c->wire) < 0
          || wire_send_slowly (&c->wire, out->p, n, chunk, msecs) < 0)
        return -1;
    }
  else
    wire_hold (&c->wire, out->p, n);
  if (plan->has[ACT_TRUNCATE])
    return leave (c, END_NO_NOTIFY);
  return 0;
}

int
wait_first (struct conn *c, const struct plan *plan)
{
  if (plan->has[ACT_DELAY] && wire_wait (&c->wire, plan->number[ACT_DELAY]) < 0)
    return -1;
  if (!plan->has[ACT_HOLD])
    return 0;
  char *file = printed ("%s/%s", options.store ? options.store : ".", plan->text[ACT_HOLD].p);
  int r = 0;
  while (r == 0 && access (file, F_OK) < 0)
    r = wire_wait (&c->wire, 10);
  free (file);
  return r < 0 ? -1 : 0;
}

/* What comes before the reply.  */
static int
prepare (struct conn *c, const struct plan *plan)
{
  if ((plan->has[ACT_DELAY] || plan->has[ACT_HOLD])
      && (wire_flush (&c->wire) < 0 || wait_first (c, plan) < 0))
    return -1;
  if (plan->has[ACT_CLOSE])
    return leave (c, END_POLITE);
  if (plan->has[ACT_RESET])
    return leave (c, END_RESET);
  if (plan->has[ACT_STALL])
    {
      stall (c, true);
      return -1;
    }
  if (plan->has[ACT_INJECT]
      && (wire_flush (&c->wire) < 0
          || wire_send_raw (&c->wire, plan->text[ACT_INJECT].p, plan->text[ACT_INJECT].n) < 0))
    return -1;
  return 0;
}

int
answer (struct conn *c, enum step step, const char *good, const char *normal)
{
  struct plan plan = { .has = { false } };
  struct text out = { NULL, 0 };
  int r = -1;
  c->code = 0;
  if (step < STEPS)
    script_plan (c->script, step, ++c->count[step], &plan);
  if (prepare (c, &plan) < 0)
    return -1;
  if (step == STEP_GREETING && wire_fill (&c->wire, 0) > 0)
    violation (c, "octets-before-greeting", NULL);
  if (plan.has[ACT_ENDLESS])
    return send_endless (c, normal);
  bool early = step < STEPS && c->early[step].p;
  if (early)
    {
      out = c->early[step];
      c->early[step] = (struct text) { NULL, 0 };
    }
  else
    {
      build (&plan, normal, &out);
      size_t proper = out.n;
      append_early (c, step, &out);
      log_event (c, "reply", "smdb", "step", step < STEPS ? step_name (step) : "other", "text",
                 out.p, out.n < LOGGED_MAX ? out.n : LOGGED_MAX, "octets", (long long) out.n,
                 "early_reply_behind", out.n > proper);
      if (send_reply (c, &plan, &out) < 0)
        goto out;
    }
  const char *proper = plan.has[ACT_REPLY] ? plan.text[ACT_REPLY].p : early ? out.p : normal;
  c->code = atoi (proper);
  r = strncmp (proper, good, strlen (good)) == 0;
  if (r && (step == STEP_EHLO || step == STEP_EHLO2))
    note_capabilities (c, proper);
  if (plan.has[ACT_RESETAFTER])
    {
      /* Long enough for the reply to be read, so that it is the reset that is met next.  */
      wire_flush (&c->wire);
      wire_wait (&c->wire, 20);
      r = leave (c, END_RESET);
    }
  else if (plan.has[ACT_CLOSEAFTER])
    r = leave (c, END_POLITE);
out:
  free (out.p);
  return r;
}

/* --- EHLO --------------------------------------------------------------------------------- */

int
answer_ehlo (struct conn *c)
{
  char *normal = ehlo_reply (c, c->tls);
  int r = answer (c, c->tls ? STEP_EHLO2 : STEP_EHLO, "2", normal);
  free (normal);
  return r;
}
