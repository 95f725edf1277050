/* serve.c --- the conversation: RFC 5321, 6409 and 3207, with a strict eye on the client.

   SPDX-License-Identifier: GPL-3.0-or-later  */

#define _GNU_SOURCE
#include "peer.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#define DRAIN_MSECS 300
#define TINY_RECORD_MSECS 20

void
violation (struct conn *c, const char *what, const char *detail)
{
  log_event (c, "violation", "ss", "violation", what, "detail", detail);
}

/* --- lines -------------------------------------------------------------------------------- */

/* RFC 5321, 4.5.3.1.4, and what the extensions add: SIZE 26, 8BITMIME 17, AUTH 500, DSN 118
   to MAIL and 548 to RCPT, SMTPUTF8 10.  AUTH itself stays at 512 (RFC 4954, section 4).  */
static size_t
command_limit (const char *line)
{
  if (strncasecmp (line, "MAIL", 4) == 0)
    return 512 + 26 + 17 + 500 + 118 + 10;
  if (strncasecmp (line, "RCPT", 4) == 0)
    return 512 + 548;
  return 512;
}

static void
check_line (struct conn *c, size_t octets, size_t limit)
{
  char detail[64];
  snprintf (detail, sizeof detail, "%zu octets", octets);
  if (octets > limit)
    violation (c, "line-too-long", detail);
  if (memchr (c->line, '\r', c->line_n))
    violation (c, "bare-cr", "in a command");
  if (memchr (c->line, '\0', c->line_n))
    violation (c, "nul", "in a command");
  for (size_t i = 0; i < c->line_n; i++)
    if (c->line[i] & 0x80 && !offered (c, "SMTPUTF8"))
      {
        violation (c, "8bit", "in a command, SMTPUTF8 not offered");
        break;
      }
}

int
read_line (struct conn *c, size_t limit)
{
  struct wire *w = &c->wire;
  char *start, *end;
  for (;;)
    {
      start = w->in + w->in_start;
      end = memchr (start, '\n', w->in_end - w->in_start);
      if (end)
        break;
      if (w->in_end - w->in_start == WIRE_IN)
        {
          violation (c, "line-too-long", "no end in sight");
          log_event (c, "line", "mb", "text", start, (size_t) 512, "cut", true);
          return 0;
        }
      if (wire_fill (w, IDLE_MSECS) <= 0)
        {
          if (w->in_end > w->in_start)
            log_event (c, "line", "mb", "text", w->in + w->in_start, w->in_end - w->in_start,
                       "cut", true);
          w->in_start = w->in_end;
          return 0;
        }
    }
  size_t octets = (size_t) (end - start) + 1;
  w->in_start += octets;
  c->line_n = octets - 1;
  bool crlf = c->line_n > 0 && end[-1] == '\r';
  c->line_n -= crlf;
  memcpy (c->line, start, c->line_n);
  c->line[c->line_n] = '\0';
  log_event (c, "line", "m", "text", c->line, c->line_n);
  if (!crlf)
    violation (c, "bare-lf", "in a command");
  check_line (c, octets, limit ? limit : command_limit (c->line));
  return 1;
}

/* Has the client sent more than the command in hand, and may it?  */
static void
check_pipelining (struct conn *c, bool last_of_group)
{
  struct wire *w = &c->wire;
  bool may = offered (c, "PIPELINING") != NULL;
  bool more = w->in_end > w->in_start;
  if (!may && !more && w->out_n == 0)
    more = wire_fill (w, 0) > 0;
  if (more && !may)
    violation (c, "pipelined", c->line);
  else if (more && last_of_group)
    violation (c, "pipelined-behind", c->line);
}

/* --- TLS ---------------------------------------------------------------------------------- */

/* A ServerHello that is announced as long and comes one octet in a record at a time.  */
static void
send_tiny_records (struct conn *c, long msecs)
{
  static const unsigned char start[] = { 2, 0, 0xFF, 0xF0, 3, 3 };
  for (long long n = 0; n < 0xFFF0; n++)
    {
      unsigned char record[] = { 0x16, 3, 3, 0, 1, n < (int) sizeof start ? start[n] : 0 };
      if (wire_send_raw (&c->wire, record, sizeof record) < 0 || wire_wait (&c->wire, msecs) < 0)
        return;
    }
}

/* Wait for the ClientHello, and look whether it is one.  */
static int
peek_hello (struct conn *c)
{
  char buf[4096];
  struct pollfd p = { .fd = c->wire.fd, .events = POLLIN };
  if (poll (&p, 1, IDLE_MSECS) <= 0)
    return -1;
  ssize_t n = recv (c->wire.fd, buf, sizeof buf, MSG_PEEK);
  if (n <= 0)
    {
      log_event (c, "tls-failed", "s", "error", "closed before the ClientHello");
      return -1;
    }
  if (buf[0] != 0x16)
    {
      log_event (c, "line", "m", "text", buf, (size_t) n);
      violation (c, "plaintext-instead-of-tls", NULL);
    }
  return 0;
}

/* The faults that need no TLS library.  1: there was one, and the connection is over.  */
static int
break_tls (struct conn *c, const struct plan *plan)
{
  struct wire *w = &c->wire;
  if (plan->has[ACT_DELAY] && wire_wait (w, plan->number[ACT_DELAY]) < 0)
    return 1;
  if (plan->has[ACT_STALL])
    {
      stall (c, false);
      return 1;
    }
  if (plan->has[ACT_RESET])
    {
      wire_end (w, END_RESET);
      return 1;
    }
  unsigned char warning[] = { 0x15, 3, 3, 0, 2, 1, (unsigned char) plan->number[ACT_WARNING] };
  long warnings = !plan->has[ACT_WARNING] ? 0 : plan->has[ACT_REPEAT] ? plan->number[ACT_REPEAT] : 1;
  for (; warnings > 0; warnings--)
    wire_send_raw (w, warning, sizeof warning);
  if (!plan->has[ACT_CLOSE] && !plan->has[ACT_PLAINTEXT] && !plan->has[ACT_ALERT]
      && !plan->has[ACT_TINY_RECORDS])
    return 0;
  char hello[16384];
  if (recv (w->fd, hello, sizeof hello, 0) < 0)
    return 1;
  unsigned char alert[] = { 0x15, 3, 3, 0, 2, 2, (unsigned char) plan->number[ACT_ALERT] };
  long msecs = plan->number[ACT_TINY_RECORDS];
  if (plan->has[ACT_TINY_RECORDS])
    send_tiny_records (c, msecs ? msecs : TINY_RECORD_MSECS);
  else if (plan->has[ACT_ALERT])
    wire_send_raw (w, alert, sizeof alert);
  else if (plan->has[ACT_PLAINTEXT])
    {
      wire_send_raw (w, plan->text[ACT_PLAINTEXT].p, plan->text[ACT_PLAINTEXT].n);
      if (!plan->has[ACT_CLOSEAFTER])
        stall (c, true);
    }
  wire_end (w, END_NO_NOTIFY);
  return 1;
}

static void
log_tls (struct conn *c)
{
  gnutls_session_t t = c->wire.tls;
  char sni[256] = "";
  size_t n = sizeof sni;
  unsigned type, certificates = 0;
  bool named = gnutls_server_name_get (t, sni, &n, &type, 0) == 0;
  gnutls_certificate_get_peers (t, &certificates);
  gnutls_datum_t alpn = { 0 };
  gnutls_alpn_get_selected_protocol (t, &alpn);
  char chosen[32];
  snprintf (chosen, sizeof chosen, "%.*s", (int) alpn.size, alpn.data ? (char *) alpn.data : "");
  char *suite = gnutls_session_get_desc (t);
  snprintf (c->tls_version, sizeof c->tls_version, "%s",
            gnutls_protocol_get_name (gnutls_protocol_get_version (t)));
  log_event (c, "tls", "ssssbdbs", "version", c->tls_version, "suite", suite, "sni",
             named ? sni : NULL, "cert", c->script->cert, "resumed", gnutls_session_is_resumed (t),
             "client_certificates", (long long) certificates, "extended_master_secret",
             gnutls_session_ext_master_secret_status (t) != 0, "alpn", chosen[0] ? chosen : NULL);
  gnutls_free (suite);
}

static int
start_tls (struct conn *c)
{
  struct plan plan;
  char error[256];
  script_plan (c->script, STEP_TLS, ++c->count[STEP_TLS], &plan);
  if (peek_hello (c) < 0)
    return -1;
  if (break_tls (c, &plan))
    {
      log_event (c, "tls-failed", "s", "error", "as the script wants it");
      return -1;
    }
  c->wire.handshake_drip = plan.number[ACT_DRIP];
  if (plan.has[ACT_TRUNCATE])
    c->wire.handshake_truncate = plan.number[ACT_TRUNCATE];
  if (wire_start_tls (&c->wire, c->script, error, sizeof error) < 0)
    {
      log_event (c, "tls-failed", "s", "error", error);
      return -1;
    }
  c->tls = true;
  log_tls (c);
  /* RFC 3207, 4.2: nothing that was said before counts any more.  */
  c->greeted = false;
  c->helo[0] = c->caps[0] = '\0';
  reset_transaction (c);
  const struct text *t = &c->script->tls_inject;
  return t->n > 0 ? wire_send_raw (&c->wire, t->p, t->n) : 0;
}

static void
renegotiate (struct conn *c)
{
  wire_flush (&c->wire);
  bool new = gnutls_protocol_get_version (c->wire.tls) >= GNUTLS_TLS1_3;
  int r = new ? gnutls_session_key_update (c->wire.tls, GNUTLS_KU_PEER)
              : gnutls_rehandshake (c->wire.tls);
  log_event (c, "renegotiate", "sd", "kind", new ? "key update" : "hello request", "result",
             (long long) r);
}

/* --- commands ----------------------------------------------------------------------------- */

void
reset_transaction (struct conn *c)
{
  message_drop (c, NULL);
  free (c->from);
  free (c->mail_parameters);
  for (size_t i = 0; i < c->n_recipients; i++)
    {
      free (c->recipients[i].address);
      free (c->recipients[i].parameters);
    }
  free (c->recipients);
  c->from = c->mail_parameters = NULL;
  c->recipients = NULL;
  c->n_recipients = 0;
  c->in_transaction = c->eight_bit = c->utf8 = false;
}

static int
other (struct conn *c, const char *text)
{
  return answer (c, STEPS, "2", text) < 0 ? -1 : 0;
}

static int
cmd_ehlo (struct conn *c, const char *arguments)
{
  check_pipelining (c, true);
  if (!*arguments)
    {
      violation (c, "no-helo-name", NULL);
      return other (c, "501 5.5.4 EHLO needs a name\r\n");
    }
  bool extended = c->line[0] == 'E' || c->line[0] == 'e';
  reset_transaction (c);
  snprintf (c->helo, sizeof c->helo, "%s", arguments);
  int r;
  if (extended)
    r = answer_ehlo (c);
  else
    {
      char *text = printed ("250 %s\r\n", c->script->host);
      c->caps[0] = '\0';
      r = answer (c, STEP_HELO, "2", text);
      free (text);
    }
  c->greeted = r == 1 || c->greeted;
  if (r == 1 && c->tls && c->script->renegotiate && c->count[STEP_EHLO2] == 1)
    renegotiate (c);
  return r < 0 ? -1 : 0;
}

static int
cmd_starttls (struct conn *c, const char *arguments)
{
  check_pipelining (c, true);
  if (*arguments)
    violation (c, "starttls-arguments", arguments);
  if (c->tls)
    {
      violation (c, "starttls-twice", NULL);
      return other (c, "503 5.5.1 TLS is on already\r\n");
    }
  if (!offered (c, "STARTTLS"))
    violation (c, "starttls-not-offered", NULL);
  if (c->script->plain)
    return other (c, "502 5.5.1 No STARTTLS here\r\n");
  int r = answer (c, STEP_STARTTLS, "220", "220 2.0.0 Ready to start TLS\r\n");
  if (r <= 0)
    return r;
  if (wire_flush (&c->wire) < 0)
    return -1;
  /* The mirror of CVE-2011-0411: nothing from before the handshake may be taken for later.  */
  c->wire.in_start = c->wire.in_end = 0;
  return start_tls (c);
}

/* Which extension must be offered for a parameter of MAIL or RCPT?  NULL: no known one.  */
static const char *
extension_of (const char *parameter)
{
  static const char *const known[][2] = {
    { "SIZE=", "SIZE" },       { "BODY=8BITMIME", "8BITMIME" }, { "BODY=7BIT", "8BITMIME" },
    { "BODY=BINARYMIME", "BINARYMIME" }, { "SMTPUTF8", "SMTPUTF8" }, { "RET=", "DSN" },
    { "ENVID=", "DSN" },       { "NOTIFY=", "DSN" },            { "ORCPT=", "DSN" },
    { "AUTH=", "AUTH" },       { "REQUIRETLS", "REQUIRETLS" },  { "BY=", "DELIVERBY" },
    { "HOLDFOR=", "FUTURERELEASE" }, { "HOLDUNTIL=", "FUTURERELEASE" }, { "MT-PRIORITY=", "MT-PRIORITY" },
  };
  for (size_t i = 0; i < sizeof known / sizeof *known; i++)
    {
      size_t n = strlen (known[i][0]);
      if (strncasecmp (parameter, known[i][0], n) == 0
          && (known[i][0][n - 1] == '=' || !parameter[n]))
        return known[i][1];
    }
  return NULL;
}

/* Split ARGUMENTS, KEYWORD:<path> parameters, into two strings.  NULL if right, else a reply.  */
static const char *
parse_path (struct conn *c, const char *arguments, const char *keyword, char **path,
            char **parameters)
{
  size_t n = strlen (keyword);
  if (strncasecmp (arguments, keyword, n) != 0)
    return "501 5.5.4 Syntax error\r\n";
  const char *p = arguments + n;
  if (*p == ' ')
    violation (c, "space-behind-colon", arguments);
  p += strspn (p, " ");
  if (*p != '<')
    return "501 5.5.4 No angle bracket\r\n";
  const char *end = p + 1;
  for (bool quoted = false; *end && (quoted || *end != '>'); end++)
    if (*end == '\\' && end[1])
      end++;
    else if (*end == '"')
      quoted = !quoted;
  if (*end != '>' || (end[1] && end[1] != ' '))
    return "501 5.1.7 Bad address syntax\r\n";
  *path = need (strndup (p + 1, (size_t) (end - p) - 1));
  *parameters = need (strdup (end[1] ? end + 2 : ""));
  return NULL;
}

unsigned long long
size_limit (const struct conn *c)
{
  const char *value = offered (c, "SIZE");
  size_t n = value ? strspn (value, "0123456789") : 0;
  return n > 0 && n < 19 && value[n] == '\n' ? strtoull (value, NULL, 10) : 0;
}

/* Look at each of PARAMETERS.  NULL if right, else a reply.  */
static const char *
check_parameters (struct conn *c, const char *path, const char *parameters)
{
  const char *reply = NULL;
  unsigned long long limit = size_limit (c);
  char *copy = need (strdup (parameters)), *save = NULL;
  for (char *p = strtok_r (copy, " ", &save); p; p = strtok_r (NULL, " ", &save))
    {
      const char *extension = extension_of (p);
      if (!extension || !offered (c, extension))
        {
          violation (c, "parameter-not-offered", p);
          reply = "555 5.5.4 Parameter not recognized\r\n";
        }
      else if (strcasecmp (p, "BODY=8BITMIME") == 0)
        c->eight_bit = true;
      else if (strcasecmp (p, "SMTPUTF8") == 0)
        c->utf8 = true;
      else if (strncasecmp (p, "SIZE=", 5) == 0 && limit > 0 && strtoull (p + 5, NULL, 10) > limit)
        reply = "552 5.3.4 Message too big\r\n";
    }
  free (copy);
  for (const char *p = path; *p; p++)
    if (*p & 0x80 && !c->utf8)
      {
        violation (c, "8bit", "in an address, no SMTPUTF8 parameter");
        return "553 5.6.7 SMTPUTF8 required\r\n";
      }
  return reply;
}

/* What LIMITS (RFC 9422) promises for NAME, or 0: no limit.  */
static unsigned
limit_of (const struct conn *c, const char *name)
{
  const char *limits = offered (c, "LIMITS");
  size_t n = strlen (name);
  for (const char *p = limits; p && *p && *p != '\n'; p += strcspn (p, " \n"), p += *p == ' ')
    if (strncasecmp (p, name, n) == 0 && p[n] == '=')
      return (unsigned) strtoul (p + n + 1, NULL, 10);
  return 0;
}

/* Is one of COUNT within the limit NAME?  NULL, else a reply.  */
static const char *
check_limit (struct conn *c, const char *name, unsigned count)
{
  unsigned limit = limit_of (c, name);
  if (limit == 0 || count <= limit)
    return NULL;
  violation (c, "limit-exceeded", name);
  return "452 4.5.3 That is more than LIMITS says\r\n";
}

static const char *
domain_of (const char *address)
{
  const char *at = strrchr (address, '@');
  return at ? at + 1 : "";
}

/* How many domains there would be among the recipients with ADDRESS.  */
static unsigned
count_domains (const struct conn *c, const char *address)
{
  unsigned count = 1;
  for (size_t i = 0; i < c->n_recipients; i++)
    {
      const char *domain = domain_of (c->recipients[i].address);
      bool new = strcasecmp (domain, domain_of (address)) != 0;
      for (size_t j = 0; j < i && new; j++)
        new = strcasecmp (domain, domain_of (c->recipients[j].address)) != 0;
      count += new;
    }
  return count;
}

static int
cmd_mail (struct conn *c, const char *arguments)
{
  char *path = NULL, *parameters = NULL;
  const char *reply = parse_path (c, arguments, "FROM:", &path, &parameters);
  check_pipelining (c, false);
  if (!c->greeted)
    violation (c, c->tls ? "mail-before-ehlo-in-tls" : "mail-before-ehlo", NULL);
  if (c->in_transaction)
    violation (c, "nested-mail", NULL);
  if (!reply && !c->in_transaction)
    reply = check_parameters (c, path, parameters);
  if (!c->greeted || c->in_transaction)
    reply = "503 5.5.1 Out of order\r\n";
  else if (c->script->require_tls && !c->tls)
    reply = "530 5.7.0 Must issue a STARTTLS command first\r\n";
  else if (options.user && !c->script->noauth && !c->authenticated)
    reply = "530 5.7.0 Authentication required\r\n";
  if (!reply)
    reply = check_limit (c, "MAILMAX", ++c->mails);
  int r = answer (c, STEP_MAIL, "2", reply ? reply : "250 2.1.0 Ok\r\n");
  if (r == 1)
    {
      bool eight_bit = c->eight_bit, utf8 = c->utf8;
      reset_transaction (c);
      c->in_transaction = true;
      c->rcpts = 0;
      c->eight_bit = eight_bit;
      c->utf8 = utf8;
      c->from = path ? path : need (strdup (arguments));
      c->mail_parameters = parameters;
      return 0;
    }
  if (!c->in_transaction)
    c->eight_bit = c->utf8 = false;
  free (path);
  free (parameters);
  return r;
}

static int
cmd_rcpt (struct conn *c, const char *arguments)
{
  char *path = NULL, *parameters = NULL;
  const char *reply = parse_path (c, arguments, "TO:", &path, &parameters);
  check_pipelining (c, false);
  if (!reply)
    reply = check_parameters (c, path, parameters);
  if (!c->in_transaction)
    reply = "503 5.5.1 Need MAIL first\r\n";
  if (!reply)
    reply = check_limit (c, "RCPTMAX", ++c->rcpts);
  if (!reply)
    reply = check_limit (c, "RCPTDOMAINMAX", count_domains (c, path));
  int r = answer (c, STEP_RCPT, "2", reply ? reply : "250 2.1.5 Ok\r\n");
  if (r == 1 && c->in_transaction)
    {
      c->recipients = need (realloc (c->recipients,
                                     (c->n_recipients + 1) * sizeof *c->recipients));
      c->recipients[c->n_recipients++] = (struct recipient) {
        path ? path : need (strdup (arguments)), parameters ? parameters : need (strdup ("")) };
      return 0;
    }
  free (path);
  free (parameters);
  return r < 0 ? -1 : 0;
}

static int
cmd_data (struct conn *c, const char *arguments)
{
  (void) arguments;
  check_pipelining (c, true);
  return data_command (c);
}

static int
cmd_auth (struct conn *c, const char *arguments)
{
  check_pipelining (c, true);
  return auth_command (c, arguments);
}

static int
cmd_rset (struct conn *c, const char *arguments)
{
  (void) arguments;
  check_pipelining (c, false);
  reset_transaction (c);
  return answer (c, STEP_RSET, "2", "250 2.0.0 Ok\r\n") < 0 ? -1 : 0;
}

static int
cmd_noop (struct conn *c, const char *arguments)
{
  (void) arguments;
  check_pipelining (c, true);
  return answer (c, STEP_NOOP, "2", "250 2.0.0 Ok\r\n") < 0 ? -1 : 0;
}

static int
cmd_quit (struct conn *c, const char *arguments)
{
  (void) arguments;
  check_pipelining (c, true);
  if (answer (c, STEP_QUIT, "2", "221 2.0.0 Bye\r\n") >= 0)
    {
      wire_flush (&c->wire);
      wire_end (&c->wire, c->script->no_close_notify ? END_NO_NOTIFY : END_POLITE);
    }
  return -1;
}

static int
cmd_vrfy (struct conn *c, const char *arguments)
{
  (void) arguments;
  return other (c, "252 2.5.2 Send some mail, I will try\r\n");
}

/* Carry out the command in c->line.  0, or -1 when the connection is over.  */
static int
command (struct conn *c)
{
  static const struct
  {
    const char *verb;
    int (*run) (struct conn *, const char *arguments);
  } commands[] = {
    { "EHLO", cmd_ehlo }, { "HELO", cmd_ehlo }, { "STARTTLS", cmd_starttls },
    { "AUTH", cmd_auth }, { "MAIL", cmd_mail }, { "RCPT", cmd_rcpt }, { "DATA", cmd_data },
    { "BDAT", bdat_command }, { "RSET", cmd_rset }, { "NOOP", cmd_noop }, { "QUIT", cmd_quit },
    { "VRFY", cmd_vrfy },
  };
  size_t n = strcspn (c->line, " ");
  for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
    if (strlen (commands[i].verb) == n && strncasecmp (c->line, commands[i].verb, n) == 0)
      return commands[i].run (c, c->line + n + (c->line[n] == ' '));
  violation (c, "unknown-command", c->line);
  return other (c, "500 5.5.2 What?\r\n");
}

/* --- the whole ---------------------------------------------------------------------------- */

static int
begin (struct conn *c)
{
  struct plan plan;
  script_plan (c->script, STEP_CONNECT, ++c->count[STEP_CONNECT], &plan);
  if (wait_first (c, &plan) < 0)
    return -1;
  if (plan.has[ACT_CLOSE] || plan.has[ACT_RESET])
    {
      log_event (c, "leave", "b", "reset", plan.has[ACT_RESET]);
      wire_end (&c->wire, plan.has[ACT_RESET] ? END_RESET : END_ABRUPT);
      return -1;
    }
  if (plan.has[ACT_STALL])
    {
      stall (c, true);
      return -1;
    }
  if (c->script->implicit && start_tls (c) < 0)
    return -1;
  char *text = printed ("220 %s ESMTP ready\r\n", c->script->host);
  int r = answer (c, STEP_GREETING, "2", text);
  free (text);
  return r < 0 ? -1 : 0;
}

/* Our side is closed.  What does the client still say?  */
static void
drain (struct conn *c)
{
  struct wire *w = &c->wire;
  long long deadline = now_msecs () + DRAIN_MSECS, left;
  size_t octets = w->in_end - w->in_start;
  char first[256];
  size_t n = octets < sizeof first ? octets : sizeof first;
  memcpy (first, w->in + w->in_start, n);
  while ((left = deadline - now_msecs ()) > 0)
    {
      w->in_start = w->in_end = 0;
      if (wire_fill (w, (int) left) <= 0)
        break;
      size_t more = w->in_end < sizeof first - n ? w->in_end : sizeof first - n;
      memcpy (first + n, w->in, more);
      n += more;
      octets += w->in_end;
    }
  if (octets > 0)
    log_event (c, "after-close", "dm", "octets", (long long) octets, "text", first, n);
}

void
serve (struct conn *c)
{
  if (begin (c) == 0)
    while (read_line (c, 0) && command (c) == 0)
      continue;
  if (c->wire.fd >= 0)
    {
      wire_flush (&c->wire);
      drain (c);
    }
  message_drop (c, "connection lost");
  reset_transaction (c);
  for (int i = 0; i < STEPS; i++)
    free (c->early[i].p);
  log_event (c, "close", "dddddd", "octets_in", (long long) c->wire.octets_in, "octets_out",
             (long long) c->wire.octets_out, "messages", (long long) c->messages, "rehandshakes",
             (long long) c->wire.rehandshakes, "warnings", (long long) c->wire.warnings, "code",
             (long long) c->code);
}
