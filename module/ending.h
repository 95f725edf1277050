/* ending.h --- being told to end, by a signal, without anything being done inside its handler.

   Floor 2.  SPDX-License-Identifier: GPL-3.0-or-later  */

#ifndef MSUB_ENDING_H
#define MSUB_ENDING_H

#include <stdbool.h>

/* From now on SIGTERM, SIGHUP and SIGINT, where they would end this process, are only told: the signal's number is written as
   an octet to CHANNEL, which becomes ours, and msub_ending_told is true.  A second signal does what it would have done before,
   and a process that is still there after SECONDS ends by SIGKILL.  Returns 0, or an errno value; CHANNEL is closed then, and
   when there is a watch already.  */
int msub_ending_watch (int channel, unsigned seconds);

/* Has this process been told to end?  For loops that keep Emacs from hearing of it.  */
bool msub_ending_told (void);

/* Have exit leave with STATUS, whatever could not be written.  Returns true if something was lost for standard output.  */
bool msub_ending_with (int status);

#endif
