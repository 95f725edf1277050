/* disk.h --- what must survive a crash: a message, and lines at the end of a journal; and who works on a file.

   Floor 1.  SPDX-License-Identifier: GPL-3.0-or-later  */

#ifndef MSUB_DISK_H
#define MSUB_DISK_H

#include "error.h"

#include <stdint.h>
#include <sys/types.h>

/* Append LINES, each ended by '\n', to FILE, which is made (for its owner alone) where it is missing; 0 when they are on the
   disk for good.  -1 with ERR (MSUB_INTERNAL): then nothing of them is in FILE, as far as the disk lets us take it back.  A
   line that a crash has cut off is ended first, so that it never runs into a new one.  */
int msub_disk_append (const char *file, const char *lines, struct msub_error *err);

/* As read(), but wait for octets where IN does not.  STOP is asked with ARG after each piece, and now and then while there is
   none.  -1 with errno, which is 0 where STOP said so.  */
ssize_t msub_disk_read (int in, void *buf, size_t n, bool (*stop) (void *arg), void *arg);

/* Copy all that comes from the descriptor IN, until its end, to the new FILE (its owner's alone), and have that on the disk.
   STOP and ARG are as for msub_disk_read.  Returns the octets; -1 with ERR, which is empty where STOP said so, and MSUB_CONFIG
   where IN is a directory.  */
intmax_t msub_disk_spool (int in, const char *file, bool (*stop) (void *arg), void *arg, struct msub_error *err);

/* Have FILE, or a directory, on the disk.  -1 with ERR.  */
int msub_disk_sync (const char *file, struct msub_error *err);

/* The locks of this process, by numbers that are never used again, so that one given up twice is nobody else's.  NULL without
   memory.  */
struct msub_locks;

struct msub_locks *msub_locks_new (void);

/* Lock FILE against everybody else who opens it here (flock).  Returns the lock's number; 0 with ERR still empty when somebody
   else holds it, or FILE is no more; 0 with ERR when it cannot be locked at all.  */
intmax_t msub_locks_take (struct msub_locks *locks, const char *file, struct msub_error *err);

/* Give up the lock HANDLE.  False when it is none.  */
bool msub_locks_give_up (struct msub_locks *locks, intmax_t handle);

#endif
