/* job.h --- jobs: one thread each, their events, waking and cancelling them.

   Floor 11.  Everything here is for the one thread of Lisp; what crosses to the jobs' threads is under a mutex.
   SPDX-License-Identifier: GPL-3.0-or-later  */

#ifndef MSUB_JOB_H
#define MSUB_JOB_H

#include "probe.h"
#include "session.h"

/* Where an octet is written after each event: a descriptor, taken over (the one before is closed).  */
void msub_jobs_channel (int fd);

/* Write an octet there after each MSECS (not 0) too, for ever: a heartbeat that does not go by the clock.  Returns 0
   or an errno value.  */
int msub_jobs_beat (unsigned msecs);

/* Start to deliver REQUEST, which is taken over (emptied), also on failure.  Returns the job's number, or 0 with ERR.  */
uint64_t msub_job_start (struct msub_request *request, struct msub_error *err);

/* Ask job ID to stop.  False when it has ended already.  Its `done' event comes all the same.  */
bool msub_job_cancel (uint64_t id);

/* Answer job ID's question with strings that are taken over.  False (and the strings freed) when it has none.  */
bool msub_job_answer (uint64_t id, struct msub_answer *answer);

/* All events so far, oldest first, in one list that is the caller's from now on; NULL when there are none.  */
struct msub_event *msub_jobs_take (void);

/* Put a list of events back in front of the queue, and leave a wake-up pending.  */
void msub_jobs_put_back (struct msub_event *events);

/* Jobs whose thread has not ended; one that is done and keeps its conversation for another is among them.  */
size_t msub_jobs_running (void);

/* Ask all to stop and wait at most MSECS for it.  Returns how many still run.  */
size_t msub_jobs_stop (int msecs);

#endif
