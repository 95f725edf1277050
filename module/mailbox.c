/* mailbox.c --- what POP3 and IMAP servers show to anybody: greeting, capabilities, TLS (RFC 2595).

   Floor 6.  SPDX-License-Identifier: GPL-3.0-or-later  */

#define _GNU_SOURCE
#include "mailbox.h"

#include <stdio.h>
#include <string.h>

#define LINE_OCTETS 2048
/* No honest server has more to say of itself.  */
#define LINES_MAX 100

struct mailbox
{
  struct msub_connection *c;
  bool imap, tls, offers_tls;
  int step_msecs;
  char line[LINE_OCTETS]; /* the last one, without its end */
  char words[1024], mechanisms[512]; /* lists */
  char instead[48]; /* what stands in the place of STARTTLS, or "" */
};

static msub_time
deadline (const struct mailbox *m)
{
  m->c->patience_msecs = m->step_msecs;
  return msub_now () + MSUB_MSECS (m->step_msecs);
}

/* Read one line into M->line; what is too long is cut off.  */
static int
read_line (struct mailbox *m, msub_time until, struct msub_error *err)
{
  size_t length = 0;
  for (;;)
    {
      ssize_t n = msub_connection_fill (m->c, until, err);
      if (n <= 0)
        return n < 0 ? -1 : msub_fail (err, MSUB_LOST, "%s closed the connection", m->c->peer.text);
      char octet = m->c->in[m->c->in_start++];
      if (octet == '\n')
        break;
      if (octet != '\r' && octet != '\0' && length + 1 < sizeof m->line)
        m->line[length++] = octet;
      if (msub_now () >= until)
        return msub_connection_late (m->c, "finish its answer", err);
    }
  m->line[length] = '\0';
  return 0;
}

static int
say (struct mailbox *m, const char *command, struct msub_error *err)
{
  char line[64];
  int n = snprintf (line, sizeof line, "%s%s\r\n", m->imap ? "a " : "", command);
  if (msub_connection_put (m->c, line, (size_t) n, err))
    return -1;
  return msub_connection_flush (m->c, deadline (m), err);
}

static bool
begins (const char *line, const char *word)
{
  return msub_text_alike (line, word, strlen (word));
}

/* Is M->line the one that ends the answer to a command, and is the answer yes?  */
static bool
is_last (const struct mailbox *m, bool *yes_r)
{
  *yes_r = begins (m->line, m->imap ? "a OK" : "+OK");
  return m->imap ? begins (m->line, "a ") : *yes_r || begins (m->line, "-ERR");
}

/* Wait for the answer to a command of one line.  UNTIL is for all of it (SECURITY: H7).  */
static int
answered (struct mailbox *m, msub_time until, bool *yes_r, struct msub_error *err)
{
  for (int i = 0; i < LINES_MAX; i++)
    {
      if (read_line (m, until, err))
        return -1;
      if (is_last (m, yes_r))
        return 0;
    }
  return msub_fail (err, MSUB_PROTOCOL, "%s does not come to the end of its answer", m->c->peer.text);
}

static int
greeting (struct mailbox *m, struct msub_error *err)
{
  msub_time started = msub_now ();
  if (read_line (m, deadline (m), err))
    return -1;
  bool good = m->imap ? begins (m->line, "* OK") || begins (m->line, "* PREAUTH") : begins (m->line, "+OK");
  char clean[600];
  msub_text_clean (clean, sizeof clean, m->line, strlen (m->line));
  struct msub_event *event = msub_event_new (MSUB_EVENT_GREETING);
  msub_event_text (event, "text", clean);
  msub_event_real (event, "ms", msub_msecs_since (started));
  msub_emit (m->c->context, event);
  return good ? 0 : msub_fail (err, MSUB_PROTOCOL, "%s does not greet as a server of that kind: %s", m->c->peer.text, clean);
}

static void
add (char *list, size_t size, const char *word, size_t n)
{
  size_t length = strlen (list);
  if (n > 0 && length + n + 2 < size)
    snprintf (list + length, size - length, "%.*s\n", (int) n, word);
}

/* Note WORD, of N octets, if it stands where WANTED (STARTTLS or STLS) stood: firewalls that "fix" protocols write the letter X
   over it, or over its end.  */
static void
note_overwritten (struct mailbox *m, const char *word, size_t n, const char *wanted)
{
  size_t length = strlen (wanted);
  bool crossed = n >= 4 && strspn (word, "Xx") + 1 >= n;
  bool start = n == length && n >= 4 && msub_text_alike (word, wanted, 2) && msub_text_alike (word + n - 2, "XX", 2);
  if (crossed || start)
    snprintf (m->instead, sizeof m->instead, "%.*s", (int) (n < 40 ? n : 40), word);
}

/* Note the capabilities in LINE: an IMAP server's are words, a POP server's are lines.  */
static void
note_capabilities (struct mailbox *m, const char *line)
{
  bool sasl = !m->imap && begins (line, "SASL ");
  for (const char *p = line; *p;)
    {
      size_t n = strcspn (p, " ");
      bool first = p == line;
      if (m->imap || first)
        add (m->words, sizeof m->words, p, n);
      if (m->imap && n > 5 && begins (p, "AUTH="))
        add (m->mechanisms, sizeof m->mechanisms, p + 5, n - 5);
      if (sasl && !first)
        add (m->mechanisms, sizeof m->mechanisms, p, n);
      const char *wanted = m->imap ? "STARTTLS" : "STLS";
      if ((m->imap || first) && n == strlen (wanted) && begins (p, wanted))
        m->offers_tls = true;
      else if (m->imap || first)
        note_overwritten (m, p, n, wanted);
      p += n + strspn (p + n, " ");
    }
}

static void
report_capabilities (const struct mailbox *m)
{
  struct msub_event *event = msub_event_new (MSUB_EVENT_CAPABILITIES);
  msub_event_truth (event, "secure", m->tls);
  msub_event_list (event, "keywords", m->words);
  msub_event_list (event, "mechanisms", m->mechanisms);
  if (!m->tls)
    msub_event_text (event, "starttls", m->offers_tls ? "offered" : m->instead[0] ? "mangled" : "missing");
  if (!m->tls && !m->offers_tls && m->instead[0])
    msub_event_text (event, "instead", m->instead);
  msub_emit (m->c->context, event);
}

static int
capabilities (struct mailbox *m, struct msub_error *err)
{
  m->words[0] = m->mechanisms[0] = m->instead[0] = '\0';
  m->offers_tls = false;
  bool yes = false, last = false;
  if (say (m, m->imap ? "CAPABILITY" : "CAPA", err))
    return -1;
  msub_time until = deadline (m);
  if (!m->imap && answered (m, until, &yes, err))
    return -1;
  last = !m->imap && !yes;
  for (int i = 0; !last; i++)
    {
      if (i == LINES_MAX)
        return msub_fail (err, MSUB_PROTOCOL, "%s does not come to the end of its capabilities", m->c->peer.text);
      if (read_line (m, until, err))
        return -1;
      char clean[LINE_OCTETS];
      msub_text_clean (clean, sizeof clean, m->line, strlen (m->line));
      last = m->imap ? is_last (m, &yes) : strcmp (m->line, ".") == 0;
      if (!last && (!m->imap || begins (clean, "* CAPABILITY ")))
        note_capabilities (m, m->imap ? clean + strlen ("* CAPABILITY ") : clean);
    }
  report_capabilities (m);
  return 0;
}

static int
secure (struct mailbox *m, const struct msub_tls_trust *trust, const char *name, struct msub_tls_info *info_r,
        struct msub_error *err)
{
  if (msub_tls_start (m->c, trust, name, false, deadline (m), info_r, err))
    return -1;
  m->tls = true;
  msub_tls_report (m->c->context, info_r);
  return 0;
}

/* STARTTLS, also where it is not listed: a server that takes it all the same has listed it, and somebody on the way has taken
   it out.  */
static int
begin_tls (struct mailbox *m, bool *yes_r, struct msub_error *err)
{
  if (say (m, m->imap ? "STARTTLS" : "STLS", err) || answered (m, deadline (m), yes_r, err))
    {
      if (m->offers_tls || err->kind != MSUB_LOST)
        return -1;
      /* It was only tried.  */
      *err = (struct msub_error) { 0 };
      return 0;
    }
  if (m->offers_tls)
    return *yes_r ? 0 : msub_fail (err, MSUB_INSECURE, "%s offered STARTTLS and then did not start it", m->c->peer.text);
  char clean[600];
  msub_text_clean (clean, sizeof clean, m->line, strlen (m->line));
  struct msub_event *event = msub_event_new (MSUB_EVENT_CHECK);
  msub_event_text (event, "name", "starttls-unoffered");
  msub_event_integer (event, "code", *yes_r ? 220 : 500);
  msub_event_text (event, "text", clean);
  msub_event_truth (event, "secure", false);
  msub_emit (m->c->context, event);
  return 0;
}

int
msub_mailbox_look (struct msub_connection *c, const struct msub_route *route, const struct msub_tls_trust *trust,
                   const char *name, int step_msecs, struct msub_tls_info *info_r, const char **stage_r,
                   struct msub_error *err)
{
  struct mailbox m = { .c = c, .imap = route->service == MSUB_IMAP, .step_msecs = step_msecs };
  bool yes = false;
  *stage_r = "tls";
  if (route->tls == MSUB_TLS_IMPLICIT && secure (&m, trust, name, info_r, err))
    return -1;
  *stage_r = "greeting";
  if (greeting (&m, err))
    return -1;
  *stage_r = "ehlo";
  if (capabilities (&m, err))
    return -1;
  if (!m.tls && route->tls == MSUB_TLS_STARTTLS)
    {
      *stage_r = "starttls";
      if (begin_tls (&m, &yes, err))
        return -1;
    }
  if (!m.tls && yes)
    {
      *stage_r = "tls";
      if (secure (&m, trust, name, info_r, err))
        return -1;
      *stage_r = "ehlo";
      if (capabilities (&m, err))
        return -1;
    }
  *stage_r = "end";
  struct msub_error ignored = { 0 };
  if (say (&m, m.imap ? "LOGOUT" : "QUIT", &ignored) == 0)
    answered (&m, deadline (&m), &yes, &ignored);
  return ignored.kind == MSUB_CANCELLED ? msub_fail (err, MSUB_CANCELLED, "Cancelled") : 0;
}
