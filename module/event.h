/* event.h --- what a job reports while it runs, and the context every floor is handed.

   Floor 0.  The floors above build an event and emit it; only job.c knows where it goes.
   SPDX-License-Identifier: GPL-3.0-or-later  */

#ifndef MSUB_EVENT_H
#define MSUB_EVENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum msub_event_type
{
  MSUB_EVENT_RESOLVED,     /* one family's look-up has ended */
  MSUB_EVENT_ATTEMPT,      /* an attempt has a verdict (a later event of the same :id replaces it) */
  MSUB_EVENT_CONNECTED,    /* the race has a winner */
  MSUB_EVENT_GREETING,     /* the server's 220 */
  MSUB_EVENT_CAPABILITIES, /* an EHLO reply */
  MSUB_EVENT_TLS,          /* TLS is up */
  MSUB_EVENT_AUTH,         /* credentials were accepted */
  MSUB_EVENT_PROGRESS,     /* octets of the message the peer has acknowledged */
  MSUB_EVENT_RECIPIENT,    /* the answer to one RCPT TO */
  MSUB_EVENT_REPLY,        /* the answer to the final dot */
  MSUB_EVENT_ASK,          /* a decision that is the user's: the thread waits for an answer */
  MSUB_EVENT_LOG,          /* one line of the trace */
  MSUB_EVENT_CHECK,        /* the answer to a command that a diagnosis tried out */
  MSUB_EVENT_CHAIN,        /* the certificates of a server that mail is brought to, as they are */
  MSUB_EVENT_PROBED,       /* a diagnosis is through with one address and port */
  MSUB_EVENT_DONE,         /* exactly one per job, always the last */
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
