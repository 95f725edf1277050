/* disk.h --- what must survive a crash: lines at the end of a journal; and who works on a file.

   Floor 1.  SPDX-License-Identifier: GPL-3.0-or-later  */

#ifndef MSUB_DISK_H
#define MSUB_DISK_H

#include "error.h"

/* Append LINES, each ended by '\n', to FILE, which is made (for its owner alone) where it is missing; 0 when they are on the
   disk for good.  -1 with ERR (MSUB_INTERNAL): then nothing of them is in FILE, as far as the disk lets us take it back.  A
   line that a crash has cut off is ended first, so that it never runs into a new one.  */
int msub_disk_append (const char *file, const char *lines, struct msub_error *err);

/* Lock FILE against everybody else who opens it here (flock).  Returns the descriptor that holds the lock; -1 with ERR
   still empty when somebody else holds it, or FILE is no more; -1 with ERR when it cannot be locked at all.  */
int msub_disk_lock (const char *file, struct msub_error *err);

/* Give up the lock of FD, and close it.  */
void msub_disk_unlock (int fd);

#endif
