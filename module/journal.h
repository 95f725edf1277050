/* journal.h --- what becomes of a message, a line each time, on the disk.

   It is for whoever finds the message after a crash.  Each line is on the disk before what it tells of can have
   an effect:
     dot FIRST COUNT           before the final dot, or the end of BDAT LAST, leaves: a transaction for the COUNT recipients
                               from FIRST (0 is the request's first)
     refused RECIPIENT CODE TEXT  with the answer to the message: this recipient of the transaction was refused
     reply CODE TEXT           that answer; or, with a code that is no success, that the transaction has definitely failed
   A `dot' without a `reply' is a message that may or may not have been delivered.  TEXT is the event's of the same name:
   one line of clean UTF-8.

   Floor 2.  SPDX-License-Identifier: GPL-3.0-or-later  */

#ifndef MSUB_JOURNAL_H
#define MSUB_JOURNAL_H

#include "disk.h"

/* One transaction's.  */
struct msub_journal
{
  const char *file;    /* or NULL: none is kept */
  bool dotted;         /* it has a final dot that nothing is said of yet */
  char *notes;         /* lines for it, malloc'd, or NULL */
  size_t notes_length;
};

/* The final dot, for COUNT recipients from FIRST, is about to leave.  -1: it must not.  */
int msub_journal_dot (struct msub_journal *journal, size_t first, size_t count, struct msub_error *err);

/* RECIPIENT is refused with CODE and WORDS; that is kept until there is an answer to the message.  -1 without memory, as
   long as the message can still be held back.  */
int msub_journal_refused (struct msub_journal *journal, size_t recipient, int code, const char *words,
                          struct msub_error *err);

/* It is known what has become of the message.  That the disk does not take it changes nothing any more.  */
void msub_journal_reply (struct msub_journal *journal, int code, const char *words);

void msub_journal_clear (struct msub_journal *journal);

#endif
