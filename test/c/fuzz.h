/* fuzz.h --- what the fuzzers share: their entry point, and a condition that must hold.

   SPDX-License-Identifier: GPL-3.0-or-later  */

#ifndef MSUB_FUZZ_H
#define MSUB_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

/* One input.  Always returns 0; ends the process where a promise is broken.  */
int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

/* Say where a promise is broken, and end there.  */
static inline void
fuzz_must (int holds, const char *condition, const char *file, int line)
{
  if (holds)
    return;
  fprintf (stderr, "%s:%d: broken: %s\n", file, line, condition);
  abort ();
}

#define MUST(condition) fuzz_must (!!(condition), #condition, __FILE__, __LINE__)

#endif
