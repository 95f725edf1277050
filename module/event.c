/* event.c --- building events.

   Floor 0.  SPDX-License-Identifier: GPL-3.0-or-later  */

#include "event.h"
#include "error.h"

#include <stdlib.h>
#include <string.h>

static const char *const type_names[] = {
  "resolved", "attempt",   "connected", "greeting", "capabilities", "tls",  "auth",
  "progress", "recipient", "reply",     "ask",      "log",          "check", "probed",
  "done",
};
_Static_assert (sizeof type_names / sizeof *type_names == MSUB_EVENT_TYPES, "a name for each type");

const char *
msub_event_type_name (enum msub_event_type type)
{
  return type_names[type];
}

struct msub_event *
msub_event_new (enum msub_event_type type)
{
  struct msub_event *event = calloc (1, sizeof *event);
  if (event)
    event->type = type;
  return event;
}

void
msub_event_free (struct msub_event **event)
{
  if (!*event)
    return;
  for (size_t i = 0; i < (*event)->count; i++)
    free ((*event)->fields[i].text);
  free (*event);
  *event = NULL;
}

static struct msub_field *
add (struct msub_event *event, const char *key, enum msub_field_type type)
{
  if (!event || event->count == MSUB_EVENT_FIELDS)
    return NULL;
  struct msub_field *field = &event->fields[event->count++];
  *field = (struct msub_field) { .key = key, .type = type };
  return field;
}

void
msub_event_integer (struct msub_event *event, const char *key, int64_t value)
{
  struct msub_field *field = add (event, key, MSUB_FIELD_INTEGER);
  if (field)
    field->integer = value;
}

void
msub_event_real (struct msub_event *event, const char *key, double value)
{
  struct msub_field *field = add (event, key, MSUB_FIELD_REAL);
  if (field)
    field->real = value;
}

void
msub_event_truth (struct msub_event *event, const char *key, bool value)
{
  struct msub_field *field = add (event, key, MSUB_FIELD_TRUTH);
  if (field)
    field->integer = value;
}

static void
add_text (struct msub_event *event, const char *key, enum msub_field_type type, const char *text)
{
  char *copy = text ? strdup (text) : NULL;
  struct msub_field *field = copy ? add (event, key, type) : NULL;
  if (field)
    field->text = copy;
  else
    free (copy);
}

void
msub_event_text (struct msub_event *event, const char *key, const char *text)
{
  add_text (event, key, MSUB_FIELD_TEXT, text);
}

void
msub_event_list (struct msub_event *event, const char *key, const char *elements)
{
  add_text (event, key, MSUB_FIELD_LIST, elements);
}

void
msub_answer_free (struct msub_answer *answer)
{
  msub_wipe_free (&answer->text);
  msub_wipe_free (&answer->secret);
}

void
msub_emit (const struct msub_context *context, struct msub_event *event)
{
  if (event)
    context->emit (context->job, event);
}
