/* peer.h --- the parts of the test server, and what each may know of the others.

   A test double for one mail server: it is good unless its script says otherwise.  It is meant
   for loopback only, and it writes every secret it is told into its log, so that tests can look
   for leaks.

     peer.c    command line, listeners, one thread for each connection
     script.c  the directives: what a listener does differently from a good server
     serve.c   the conversation (RFC 5321, 6409, 3207)
     reply.c   one reply, sent as the script wants it
     auth.c    the SASL exchange (RFC 4954, 5802)
     data.c    the message, on its way from the wire into a file
     wire.c    octets over TCP or TLS, with deadlines
     certs.c   the certificate workshop, with staple.c (OCSP) and der.c (what GnuTLS does not
               encode for us)
     log.c     JSON lines

   SPDX-License-Identifier: GPL-3.0-or-later  */

#ifndef PEER_H
#define PEER_H

#include <gnutls/gnutls.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* Command line (peer.c).  Set once, before the first thread starts.  */
struct options
{
  const char *certs, *log, *store, *ready, *user, *password, *token_check;
  const char *names; /* comma-separated subjectAltNames of good certificates */
  bool pid_watch;
};
extern struct options options;

/* --- script.c ----------------------------------------------------------------------------- */

/* The moments at which a script may interfere.  */
enum step
{
  STEP_CONNECT, STEP_GREETING, STEP_EHLO, STEP_HELO, STEP_STARTTLS, STEP_TLS,
  STEP_EHLO2,     /* EHLO inside TLS */
  STEP_AUTH,      /* the reply to the AUTH command itself */
  STEP_AUTH_STEP, /* the replies to the client's responses */
  STEP_AUTH_END,  /* whichever reply ends the exchange */
  STEP_MAIL, STEP_RCPT, STEP_DATA,
  STEP_BLOCK,     /* in the middle of the message */
  STEP_DOT,       /* the final reply, to the dot or to BDAT LAST */
  STEP_RSET, STEP_NOOP, STEP_QUIT,
  STEPS
};

/* The ways of interfering.  README.org says what each does.  */
enum act
{
  ACT_REPLY, ACT_BEFORE, ACT_AFTER, ACT_INJECT, ACT_DELAY, ACT_DRIP, ACT_SPLIT, ACT_CLOSE,
  ACT_RESET, ACT_STALL, ACT_CLOSEAFTER, ACT_RESETAFTER, ACT_FLOOD, ACT_LONGLINE, ACT_ENDLESS,
  ACT_REPEAT, ACT_TRUNCATE, ACT_EARLY, ACT_PLAINTEXT, ACT_ALERT, ACT_TINY_RECORDS,
  ACT_HOLD, ACT_WARNING,
  ACTS
};

struct text
{
  char *p; /* may hold NULs; one more NUL follows */
  size_t n;
};

struct action
{
  enum step step;
  enum act act;
  unsigned nth; /* which occurrence in a connection; 0: every one */
  long number;
  struct text text;
};

/* All the actions for one occurrence of one step.  The texts belong to the script.  */
struct plan
{
  bool has[ACTS];
  long number[ACTS];
  struct text text[ACTS];
};

struct cap_change
{
  bool inside, add; /* inside TLS; add or take away */
  char *text;
};

/* What one connection does.  */
struct script
{
  bool plain, implicit, noauth, chunking, require_tls, silent, refused;
  bool request_client_cert, require_client_cert, no_close_notify, renegotiate, strip_plus, tickets;
  bool no_server_final, ok_after_client_first, ok_after_cancel, endless_challenges, error_attr,
    error_first, wrong_signature, echo_credentials, xoauth2_json, cb_mismatch;
  char *name, *host, *cert, *staple, *tls_versions, *tls_priority, *alpn, *mechs, *mechs_clear;
  struct text tls_inject, challenge, server_first, server_final;
  long dh, block_at, rcvbuf, iterations;
  struct cap_change *caps;
  size_t n_caps;
  struct action *actions;
  size_t n_actions;
};

/* Read the N DIRECTIVES that hold for the CONNECTIONth connection (from 1; 0: all of them, to
   check them and to learn what certificates are wanted).  NULL on error, with ERROR filled.  */
struct script *script_parse (char *const *directives, size_t n, unsigned connection, char *error,
                             size_t error_size);
void script_free (struct script *s);

/* What to do at the NTHth occurrence of STEP.  */
void script_plan (const struct script *s, enum step step, unsigned nth, struct plan *plan);

const char *step_name (enum step step);

/* Split TEXT at commas that are not escaped, appending to *LIST.  */
void script_split (const char *text, char ***list, size_t *n);

/* --- peer.c ------------------------------------------------------------------------------- */

struct listener
{
  char *name, *address, *port; /* as on the command line */
  char **directives;
  size_t n_directives;
  int fd;
  int number; /* the port it got */
  bool silent, refused;
  int rcvbuf; /* of the socket, or 0 */
  const char *mode; /* starttls, implicit, plain */
  unsigned connections;
};

/* Out of memory and the like: this is a test tool, so it says so and stops.  */
void die (const char *format, ...) __attribute__ ((noreturn, format (printf, 1, 2)));
void *need (void *p);
char *printed (const char *format, ...) __attribute__ ((format (printf, 1, 2)));

/* Milliseconds since the program started, on the monotonic clock.  */
long long now_msecs (void);

/* --- wire.c ------------------------------------------------------------------------------- */

#define WIRE_IN 65536
#define IDLE_MSECS 300000
#define STALL_MSECS 600000

struct wire
{
  int fd;
  gnutls_session_t tls; /* NULL before and without TLS */
  gnutls_certificate_credentials_t credentials;
  gnutls_anon_server_credentials_t anonymous;
  gnutls_dh_params_t dh;
  char in[WIRE_IN];
  size_t in_start, in_end;
  char *out; /* replies held back while the client's next command is here already */
  size_t out_n, out_size;
  uint64_t octets_in, octets_out; /* of SMTP, so without what TLS adds */
  long handshake_drip;     /* msecs between two octets of the handshake, or 0 */
  long handshake_truncate; /* octets of the handshake before the cut, or -1 */
  unsigned rehandshakes, warnings; /* TLS 1.2 renegotiations; warning alerts from the client */
};

/* Read more into the buffer, which must not be full, after sending what was held back.
   Returns 1, 0 at the end of the stream, -1 on error or time-out.  */
int wire_fill (struct wire *w, int timeout_msecs);

void wire_hold (struct wire *w, const void *p, size_t n);
int wire_flush (struct wire *w);

/* Send P in writes (TLS records) of CHUNK octets, MSECS apart.  */
int wire_send_slowly (struct wire *w, const char *p, size_t n, size_t chunk, long msecs);

/* Send to the TCP connection itself, past TLS.  */
int wire_send_raw (struct wire *w, const void *p, size_t n);

/* Wait; -1 when the client has left before MSECS are over.  */
int wire_wait (struct wire *w, long msecs);

/* Wait until the client closes its side, MSECS at most.  */
void wire_wait_close (struct wire *w, long msecs);

/* Handshake.  0, or -1 with the reason in ERROR.  */
int wire_start_tls (struct wire *w, const struct script *s, char *error, size_t error_size);

enum wire_end { END_POLITE, END_NO_NOTIFY, END_RESET, END_ABRUPT };
void wire_end (struct wire *w, enum wire_end how);
void wire_free (struct wire *w);

/* --- a connection ------------------------------------------------------------------------- */

enum outcome { ACCEPTED, REFUSED, UNANSWERED, ABORTED };

struct recipient
{
  char *address, *parameters;
};

struct conn
{
  struct wire wire;
  struct listener *listener;
  unsigned id;     /* over all listeners */
  unsigned number; /* on its listener */
  struct script *script;
  unsigned count[STEPS]; /* occurrences so far */
  struct text early[STEPS]; /* the reply that was sent too soon, to be left out in its turn */
  int code;        /* of the last reply, 0 when there was none */

  bool tls;
  char tls_version[16];
  bool greeted; /* EHLO or HELO, since TLS */
  char helo[256];
  char caps[4096]; /* the capability lines in force, each ended by LF */
  bool authenticated;
  char mechanism[64], user[256];

  char line[WIRE_IN + 1]; /* the client's line without its end; may hold NULs */
  size_t line_n;

  bool in_transaction;
  unsigned mails, rcpts; /* MAIL commands so far; RCPT commands in this transaction */
  char *from, *mail_parameters;
  bool eight_bit, utf8;
  struct recipient *recipients;
  size_t n_recipients;

  struct message *message; /* between the first BDAT and the last */
  unsigned messages; /* completed */
};

/* serve.c */
void serve (struct conn *c);

/* The next line of the client, without its end, in c->line: 1, or 0 when there is none.  LIMIT
   is the most octets allowed, with CRLF.  */
int read_line (struct conn *c, size_t limit);
void violation (struct conn *c, const char *what, const char *detail);

/* Is KEYWORD among the capabilities in force?  Returns the text behind it, or NULL.  */
const char *offered (const struct conn *c, const char *keyword);

/* What SIZE promises to take (RFC 1870), or 0: no limit, as where it says anything but a number.  */
unsigned long long size_limit (const struct conn *c);
void reset_transaction (struct conn *c);

/* reply.c.  Send NORMAL (lines ended by CRLF), or what the script has for STEP instead (STEPS:
   nothing).  1: what was sent begins with GOOD; 0: it does not; -1: the connection is over.  */
int answer (struct conn *c, enum step step, const char *good, const char *normal);

/* Wait as PLAN says: for a time, or until there is a file.  -1 when the client has left meanwhile.  */
int wait_first (struct conn *c, const struct plan *plan);

/* The reply to EHLO, with the capabilities; notes them in c->caps.  */
int answer_ehlo (struct conn *c);

/* Has the script anything for the next occurrence of STEP?  */
bool scripted (const struct conn *c, enum step step);

/* Would the answer to STEP begin with a 2?  -1: there will be none.  */
int answer_preview (const struct conn *c, enum step step, const char *normal);

/* Say nothing until the client leaves; note what it still says, or do not even read.  */
void stall (struct conn *c, bool reading);

/* auth.c.  AUTH with ARGUMENTS.  0, or -1 when the connection is over.  */
int auth_command (struct conn *c, const char *arguments);
const char *auth_mechanisms (const struct conn *c);

/* data.c */
int data_command (struct conn *c);
int bdat_command (struct conn *c, const char *arguments);
void message_drop (struct conn *c, const char *why);

/* --- certs.c, der.c ----------------------------------------------------------------------- */

/* Make the CA (unless the directory has one), its CRL and the certificates NAMES.  */
void certs_make (char *const *names, size_t n);

/* Give W's credentials certificate NAME, with OCSP response STAPLE unless that is NULL.
   0, or a GnuTLS error.  */
int certs_use (gnutls_certificate_credentials_t credentials, const char *name, const char *staple);
bool certs_known (const char *name);
bool certs_staple_known (const char *name);

struct der
{
  uint8_t *p;
  size_t n;
};
void der_append (struct der *d, const void *p, size_t n);
/* Make what was appended since FROM the contents of an element with TAG.  */
void der_wrap (struct der *d, size_t from, uint8_t tag);
void der_element (struct der *d, uint8_t tag, const void *p, size_t n);

/* --- log.c -------------------------------------------------------------------------------- */

/* Write the members of a JSON object.  TYPES has a letter for each pair of key and value that
   follows: s string (NULL: null), m memory (pointer and size_t), d long long, b bool (int).
   Octets outside printable ASCII become \u00XX, so nothing is lost and all is valid.  */
void json_members (FILE *f, const char *types, ...);
void json_string (FILE *f, const void *p, size_t n);
void log_open (const char *file);
void log_event (const struct conn *c, const char *event, const char *types, ...);
void log_close (void);

#endif
