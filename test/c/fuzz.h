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

#define MUST(condition) \
  ((condition) ? (void) 0 \
               : (fprintf (stderr, "%s:%d: broken: %s\n", __FILE__, __LINE__, #condition), abort ()))

#endif
