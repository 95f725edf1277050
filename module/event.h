/* event.h --- what a job reports while it runs, and the context every floor is handed.

   Floor 0.  The floors above build an event and emit it; only job.c knows where it goes.
   SPDX-License-Identifier: GPL-3.0-or-later  */

#ifndef MSUB_EVENT_H
#define MSUB_EVENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The types of events, and what Lisp calls them.  */
#define MSUB_EVENTS(EVENT) \
  EVENT (RESOLVED, "resolved")         /* one family's look-up has ended */ \
  EVENT (ATTEMPT, "attempt")           /* an attempt has a verdict (a later event of the same :id replaces it) */ \
  EVENT (CONNECTED, "connected")       /* the race has a winner */ \
  EVENT (GREETING, "greeting")         /* the server's 220 */ \
  EVENT (CAPABILITIES, "capabilities") /* an EHLO reply */ \
  EVENT (TLS, "tls")                   /* TLS is up */ \
  EVENT (AUTH, "auth")                 /* credentials were accepted */ \
  EVENT (PROGRESS, "progress")         /* octets of the message the peer has acknowledged */ \
  EVENT (RECIPIENT, "recipient")       /* the answer to one RCPT TO */ \
  EVENT (REPLY, "reply")               /* the answer to the final dot */ \
  EVENT (ASK, "ask")                   /* a decision that is the user's: the thread waits for an answer */ \
  EVENT (LOG, "log")                   /* one line of the trace */ \
  EVENT (CHECK, "check")               /* the answer to a command that a diagnosis tried out */ \
  EVENT (CHAIN, "chain")               /* the certificates of a server that mail is brought to, as they are */ \
  EVENT (PROBED, "probed")             /* a diagnosis is through with one address and port */ \
  EVENT (DONE, "done")                 /* exactly one per job, always the last */

enum msub_event_type
{
#define EVENT(type, name) MSUB_EVENT_##type,
  MSUB_EVENTS (EVENT)
#undef EVENT
  MSUB_EVENT_TYPES
};

const char *msub_event_type_name (enum msub_event_type type);

enum msub_field_type { MSUB_FIELD_INTEGER, MSUB_FIELD_REAL, MSUB_FIELD_TRUTH, MSUB_FIELD_TEXT, MSUB_FIELD_LIST };

struct msub_field
{
  const char *key;  /* static, without the colon Lisp sees in front of it */
  enum msub_field_type type;
  int64_t integer;  /* INTEGER, TRUTH */
  double real;      /* REAL */
  char *text;       /* TEXT; LIST: the elements, each ended by '\n' */
};

#define MSUB_EVENT_FIELDS 32

struct msub_event
{
  struct msub_event *next;
  uint64_t job;
  enum msub_event_type type;
  size_t count;
  struct msub_field fields[MSUB_EVENT_FIELDS];
};

/* A new event, or NULL without memory.  The functions below accept NULL and do nothing, so a reporter needs
   no check of its own: a lost report is never a reason to stop a delivery.  */
struct msub_event *msub_event_new (enum msub_event_type type);
void msub_event_free (struct msub_event **event);

void msub_event_integer (struct msub_event *event, const char *key, int64_t value);
void msub_event_real (struct msub_event *event, const char *key, double value);
void msub_event_truth (struct msub_event *event, const char *key, bool value);
/* TEXT is copied, and cleaned (msub_text_clean).  NULL: the field is left out.  */
void msub_event_text (struct msub_event *event, const char *key, const char *text);
/* ELEMENTS: each ended by '\n', and cleaned; the parts of one may have tabs between them.  */
void msub_event_list (struct msub_event *event, const char *key, const char *elements);

/* An answer to an ask.  Both strings are malloc'd, or NULL; whoever takes the answer frees it.  */
struct msub_answer
{
  char *text;    /* NULL: no answer, declined */
  char *secret;  /* wiped when freed */
};

/* What a job lends to the floors below it.  Everything a thread of a session may wait for wakes it
   through WAKE_FD; what woke it is asked by the functions.  */
struct msub_context
{
  int wake_fd;                             /* becomes readable on cancel and on an answer */
  void *job;                               /* for the functions below */
  bool (*cancelled) (void *job);           /* has the user said stop? */
  /* Take the answer to the last ask; false while there is none.  */
  bool (*take_answer) (void *job, struct msub_answer *answer_r);
  void (*emit) (void *job, struct msub_event *event); /* takes EVENT over; NULL is fine */
  bool trace;                              /* are `log' events wanted? */
};

void msub_answer_free (struct msub_answer *answer);

void msub_emit (const struct msub_context *context, struct msub_event *event);

#endif
