/* ending.h --- that a process which is told to end does end.

   Floor 2.  SPDX-License-Identifier: GPL-3.0-or-later  */

#ifndef MSUB_ENDING_H
#define MSUB_ENDING_H

/* From now on a process that gets SIGTERM, SIGHUP or SIGINT, and is still there SECONDS later, ends by SIGKILL.  What Emacs
   does at these signals is done before, as ever.  Returns 0, or an errno value; a second call changes nothing.  */
int msub_ending_watch (unsigned seconds);

#endif
