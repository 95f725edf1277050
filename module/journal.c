/* journal.c --- what becomes of a message, a line each time, on the disk.

   Floor 2.  SPDX-License-Identifier: GPL-3.0-or-later  */

#define _GNU_SOURCE
#include "journal.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Keep a line for the journal until there is an answer to the message.  */
static int note_line (struct msub_journal *journal, struct msub_error *err, const char *format, ...)
  __attribute__ ((format (printf, 3, 4)));

static int
note_line (struct msub_journal *journal, struct msub_error *err, const char *format, ...)
{
  char line[MSUB_TEXT_MAX + 64];
  va_list args;
  va_start (args, format);
  int n = vsnprintf (line, sizeof line, format, args);
  va_end (args);
  size_t length = n < 0 ? 0 : (size_t) n < sizeof line ? (size_t) n : sizeof line - 1;
  char *notes = realloc (journal->notes, journal->notes_length + length + 2);
  if (!notes)
    return msub_fail (err, MSUB_INTERNAL, "Out of memory");
  memcpy (notes + journal->notes_length, line, length);
  journal->notes = notes;
  journal->notes_length += length + 1;
  strcpy (notes + journal->notes_length - 1, "\n");
  return 0;
}

int
msub_journal_refused (struct msub_journal *journal, size_t recipient, int code, const char *words, struct msub_error *err)
{
  struct msub_error failure = { 0 };
  if (!journal->file || note_line (journal, &failure, "refused %zu %d %s", recipient, code, words) == 0 || journal->dotted)
    return 0;
  *err = failure;
  return -1;
}

int
msub_journal_dot (struct msub_journal *journal, size_t first, size_t count, struct msub_error *err)
{
  char line[80];
  if (!journal->file)
    return 0;
  snprintf (line, sizeof line, "dot %zu %zu\n", first, count);
  if (msub_disk_append (journal->file, line, err))
    return -1;
  journal->dotted = true;
  return 0;
}

void
msub_journal_reply (struct msub_journal *journal, int code, const char *words)
{
  struct msub_error ignored = { 0 };
  if (journal->dotted && note_line (journal, &ignored, "reply %d %s", code, words) == 0)
    msub_disk_append (journal->file, journal->notes, &ignored);
  journal->dotted = false;
}

void
msub_journal_clear (struct msub_journal *journal)
{
  free (journal->notes);
  *journal = (struct msub_journal) { 0 };
}
