/* event.c --- building events.

   Floor 0.  SPDX-License-Identifier: GPL-3.0-or-later  */

#include "event.h"
#include "error.h"

#include <stdlib.h>
#include <string.h>

static const char *const type_names[] = {
#define EVENT(type, name) name,
  MSUB_EVENTS (EVENT)
#undef EVENT
};

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

/* A clean copy of TEXT, malloc'd; what stands between SEPARATORS is cleaned piece by piece.  NULL without memory.  Lisp's
   make_string signals where a text is not UTF-8, so this is the last place to see to it (SECURITY: O6).  */
static char *
clean_copy (const char *text, const char *separators)
{
  /* At worst each octet becomes U+FFFD; and there is room for the NUL.  */
  size_t room = 3 * strlen (text) + 1, length = 0;
  char *copy = malloc (room);
  for (const char *p = text; copy;)
    {
      size_t n = strcspn (p, separators);
      length += msub_text_clean (copy + length, room - length, p, n);
      p += n;
      if (*p == '\0')
        break;
      copy[length++] = *p++;
    }
  if (copy)
    copy[length] = '\0';
  return copy;
}

static void
add_text (struct msub_event *event, const char *key, enum msub_field_type type, const char *text)
{
  /* A list's elements end in '\n', and may have parts with tabs between them.  */
  char *copy = text ? clean_copy (text, type == MSUB_FIELD_LIST ? "\n\t" : "") : NULL;
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
