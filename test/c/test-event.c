/* test-event.c --- events have clean texts, whatever they are given.

   SPDX-License-Identifier: GPL-3.0-or-later  */

#define _POSIX_C_SOURCE 200809L
#include "../../module/event.h"
#include "clean.h"
#include "tap.h"

#define R "\xEF\xBF\xBD"

static void
test_texts (void)
{
  static const struct { const char *name, *in, *text, *list; } rows[] = {
    { "nothing", "", "", "" },
    { "ASCII", "a b", "a b", "a b" },
    { "a character that is cut in two", "x \xE6\x97", "x " R R, "x " R R },
    { "only what is no text", "\xFF\xFE\x80", R R R, R R R },
    { "lines", "a\nb\n", "a" R "b" R, "a\nb\n" },
    { "parts", "a\tb\nc\td\xC3\n", "a" R "b" R "c" R "d" R R, "a\tb\nc\td" R "\n" },
    { "empty lines", "\n\n", R R, "\n\n" },
  };
  for (size_t i = 0; i < TAP_COUNT (rows); i++)
    {
      tap_begin ("an event's text and list: %s", rows[i].name);
      struct msub_event *event = msub_event_new (MSUB_EVENT_LOG);
      msub_event_text (event, "text", rows[i].in);
      msub_event_list (event, "list", rows[i].in);
      if (tap_expect_int ("the number of fields", (long long) event->count, 2))
        {
          tap_expect_text ("the text", event->fields[0].text, rows[i].text);
          tap_expect_text ("the list", event->fields[1].text, rows[i].list);
        }
      msub_event_free (&event);
      tap_end ();
    }
}

/* A text is kept whole, however much longer it gets.  */
static void
test_long (void)
{
  static char text[5000];
  memset (text, 0xE9, sizeof text - 1);
  tap_begin ("a long text without a single character");
  struct msub_event *event = msub_event_new (MSUB_EVENT_LOG);
  msub_event_text (event, "text", text);
  tap_expect_int ("its length", (long long) strlen (event->fields[0].text), 3 * (sizeof text - 1));
  msub_event_free (&event);
  tap_end ();
}

static void
test_nothing (void)
{
  tap_begin ("no text is no field, and no event takes anything");
  struct msub_event *event = msub_event_new (MSUB_EVENT_LOG);
  msub_event_text (event, "text", NULL);
  msub_event_text (NULL, "text", "x");
  tap_expect_int ("the number of fields", (long long) event->count, 0);
  msub_event_free (&event);
  tap_end ();
}

int
main (void)
{
  test_texts ();
  test_long ();
  test_nothing ();
  return tap_done ();
}
