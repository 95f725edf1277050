/* job.c --- jobs: one thread each, their events, waking and cancelling them.

   Floor 11.  The only file, beside thread.c, gate.c and anchors.c, that includes pthread.h, and the only one with mutable globals.
   SPDX-License-Identifier: GPL-3.0-or-later  */

#define _GNU_SOURCE
#include "job.h"
#include "thread.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

struct job
{
  struct job *next;
  uint64_t id;
  int wake[2];
  atomic_bool cancelled;
  bool asking, answered;        /* under the mutex */
  bool done;                    /* written under the mutex, by the job's thread alone */
  struct msub_answer answer;    /* under the mutex */
  bool parked;                  /* under the mutex: done, and keeps a conversation for ... */
  struct job *successor;        /* ... this one, under the mutex */
  msub_time started;            /* written before its work begins, by the job's thread alone */
  struct msub_event *last_event; /* made beforehand, so that `done' needs no memory */
  struct msub_context context;
  struct msub_request request;
};

/* Lisp never waits for it: nobody holds it for longer than a few pointers take, and never during a
   call of Lisp.  */
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static struct job *jobs;
static struct msub_event *first, **tail = &first;
static uint64_t last_id;

/* TLS tickets for each SHARE.  There are as many as the user has accounts, so they stay until Emacs ends.  */
#define MEMORIES_MAX 64
static struct
{
  char *share;
  struct msub_tls_memory *memory;
} memories[MEMORIES_MAX];

static struct msub_tls_shelf *shelf;

/* Its own mutex: a write must not happen to a descriptor that is being replaced.  */
static pthread_mutex_t channel_mutex = PTHREAD_MUTEX_INITIALIZER;
static int channel = -1;

void
msub_jobs_channel (int fd)
{
  msub_net_nonblocking_cloexec (fd);
  pthread_mutex_lock (&channel_mutex);
  if (channel >= 0)
    close (channel);
  channel = fd;
  pthread_mutex_unlock (&channel_mutex);
}

/* Only for threads of thread.c, where SIGPIPE is blocked.  A full pipe means that wake-ups are pending already; a
   broken one that Lisp has left.  */
static void
notify (void)
{
  pthread_mutex_lock (&channel_mutex);
  while (channel >= 0 && write (channel, "", 1) < 0 && errno == EINTR)
    ;
  pthread_mutex_unlock (&channel_mutex);
}

static void
notify_from_thread (void *unused)
{
  (void) unused;
  notify ();
}

/* The heartbeat: an octet now and then, for Lisp's timers sleep on when the clock is set back.  */
static _Atomic unsigned beat_msecs;

static void
beat (void *unused)
{
  (void) unused;
  for (;;)
    {
      msub_sleep (beat_msecs);
      notify ();
    }
}

int
msub_jobs_beat (unsigned msecs)
{
  return atomic_exchange (&beat_msecs, msecs) ? 0 : msub_thread_start (beat, NULL);
}

struct msub_event *
msub_jobs_take (void)
{
  pthread_mutex_lock (&mutex);
  struct msub_event *events = first;
  first = NULL;
  tail = &first;
  pthread_mutex_unlock (&mutex);
  return events;
}

void
msub_jobs_put_back (struct msub_event *events)
{
  if (!events)
    return;
  struct msub_event *end = events;
  while (end->next)
    end = end->next;
  pthread_mutex_lock (&mutex);
  if (!first)
    tail = &end->next;
  end->next = first;
  first = events;
  pthread_mutex_unlock (&mutex);
  msub_thread_start (notify_from_thread, NULL);
}

/* The context of a job */

static void
push (void *arg, struct msub_event *event)
{
  struct job *job = arg;
  if (job->done)
    {
      /* Saying goodbye to the server: nobody listens any more.  */
      msub_event_free (&event);
      return;
    }
  event->job = job->id;
  event->next = NULL;
  /* A diagnosis counts from a beginning of its own.  */
  if (!job->request.diagnose)
    msub_event_real (event, "at", msub_msecs_since (job->started));
  pthread_mutex_lock (&mutex);
  if (event->type == MSUB_EVENT_ASK)
    {
      /* What was answered to an earlier question, too late for it, is no answer to this one.  */
      msub_answer_free (&job->answer);
      job->answered = false;
      job->asking = true;
    }
  if (event->type == MSUB_EVENT_DONE)
    job->done = true;
  *tail = event;
  tail = &event->next;
  pthread_mutex_unlock (&mutex);
  notify ();
}

static bool
is_cancelled (void *arg)
{
  struct job *job = arg;
  return atomic_load (&job->cancelled);
}

static bool
take_answer (void *arg, struct msub_answer *answer_r)
{
  struct job *job = arg;
  pthread_mutex_lock (&mutex);
  bool answered = job->answered;
  if (answered)
    {
      *answer_r = job->answer;
      job->answer = (struct msub_answer) { 0 };
      job->answered = job->asking = false;
    }
  pthread_mutex_unlock (&mutex);
  return answered;
}

/* The life of a job */

static void
free_job (struct job *job)
{
  for (int i = 0; i < 2; i++)
    if (job->wake[i] >= 0)
      close (job->wake[i]);
  msub_answer_free (&job->answer);
  msub_event_free (&job->last_event);
  msub_request_clear (&job->request);
  free (job);
}

static void
unlink_job (struct job *job)
{
  pthread_mutex_lock (&mutex);
  for (struct job **p = &jobs; *p; p = &(*p)->next)
    if (*p == job)
      {
        *p = job->next;
        break;
      }
  pthread_mutex_unlock (&mutex);
}

static void
report_done (struct job *job, const struct msub_delivery *delivery, msub_time started)
{
  const struct msub_error *err = &delivery->error;
  struct msub_event *event = job->last_event;
  job->last_event = NULL;
  msub_event_text (event, "kind", msub_kind_name (err->kind));
  msub_event_integer (event, "code", err->code);
  msub_event_text (event, "enhanced", err->enhanced);
  msub_event_text (event, "text", err->text);
  if (err->said[0])
    msub_event_list (event, "said", err->said);
  msub_event_text (event, "alarm", err->alarm);
  msub_event_text (event, "about", err->about);
  msub_event_text (event, "step", err->step);
  msub_event_text (event, "mechanism", err->mechanism);
  if (delivery->chunking_kept)
    msub_event_truth (event, "chunking-kept", true);
  if (delivery->left_out[0])
    msub_event_list (event, "left-out", delivery->left_out);
  msub_event_real (event, "ms", msub_msecs_since (started));
  push (job, event);
}

static struct job *
successor_of (struct job *job)
{
  pthread_mutex_lock (&mutex);
  struct job *successor = job->successor;
  pthread_mutex_unlock (&mutex);
  return successor;
}

static void
set_parked (struct job *job, bool parked)
{
  pthread_mutex_lock (&mutex);
  job->parked = parked;
  pthread_mutex_unlock (&mutex);
}

/* Keep JOB's conversation, on FD, until another job of its kind wants it, the server speaks or leaves, the user says stop,
   or time is up.  Returns the job that goes on with it, or NULL.  */
static struct job *
park (struct job *job, int fd)
{
  msub_time deadline = msub_now () + MSUB_MSECS (job->request.keep_msecs);
  while (!is_cancelled (job) && !successor_of (job) && msub_now () < deadline)
    {
      struct pollfd fds[] = { { .fd = job->wake[0], .events = POLLIN }, { .fd = fd, .events = POLLIN } };
      char octets[64];
      if (poll (fds, 2, msub_msecs_until (deadline)) > 0 && fds[1].revents)
        break;
      while (read (job->wake[0], octets, sizeof octets) > 0)
        ;
    }
  pthread_mutex_lock (&mutex);
  job->parked = false;
  struct job *successor = job->successor;
  pthread_mutex_unlock (&mutex);
  return successor;
}

static void
end_job (struct job *job)
{
  unlink_job (job);
  free_job (job);
}

/* Do what JOB is for.  Returns whether the conversation in SERVER may be kept.  */
static bool
carry_out (struct job *job, struct msub_server *server, struct msub_delivery *delivery_r)
{
  if (!job->request.diagnose)
    return msub_session_deliver (&job->context, &job->request, server, delivery_r);
  *delivery_r = (struct msub_delivery) { 0 };
  msub_probe (&job->context, &job->request, &delivery_r->error);
  return false;
}

/* A thread delivers its job, and then those that come for the same conversation while it is kept.  */
static void
run (void *arg)
{
  struct msub_server server = { 0 };
  for (struct job *job = arg; job;)
    {
      msub_time started = job->started = msub_now ();
      msub_server_adopt (&server, &job->context, &job->request);
      struct msub_delivery delivery;
      bool keep = carry_out (job, &server, &delivery);
      set_parked (job, keep); /* first: who hears of the end may start the next one at once */
      report_done (job, &delivery, started);
      struct job *successor = keep ? park (job, server.smtp->c->fd) : NULL;
      if (!successor)
        msub_server_close (&server);
      end_job (job);
      job = successor;
    }
}

static struct job *
make_job (struct msub_request *request)
{
  struct job *job = calloc (1, sizeof *job);
  if (!job)
    {
      msub_request_clear (request);
      return NULL;
    }
  job->request = *request;
  *request = (struct msub_request) { 0 };
  job->wake[0] = job->wake[1] = -1;
  job->last_event = msub_event_new (MSUB_EVENT_DONE);
  if (!job->last_event || msub_net_pipe (job->wake))
    {
      free_job (job);
      return NULL;
    }
  job->context = (struct msub_context) {
    .wake_fd = job->wake[0],
    .job = job,
    .cancelled = is_cancelled,
    .take_answer = take_answer,
    .emit = push,
    .trace = job->request.trace,
  };
  return job;
}

/* Under the mutex, so that the job is there.  The pipe's other end is the job's own: no SIGPIPE.  */
static void
wake (struct job *job)
{
  while (write (job->wake[1], "", 1) < 0 && errno == EINTR)
    ;
}

/* Under the mutex.  NULL without memory: then there is no resumption.  */
static struct msub_tls_memory *
find_memory (const char *share)
{
  for (size_t i = 0; share && i < MEMORIES_MAX; i++)
    {
      if (!memories[i].share)
        {
          memories[i].memory = msub_tls_memory_new ();
          memories[i].share = memories[i].memory ? strdup (share) : NULL;
          return memories[i].memory;
        }
      if (strcmp (memories[i].share, share) == 0)
        return memories[i].memory;
    }
  return NULL;
}

/* Under the mutex: a job that keeps a conversation JOB can use, and that nobody has claimed.  Who only looks at a server looks
   at it from the beginning.  */
static struct job *
find_parked (const struct job *job)
{
  if (!job->request.share || job->request.probe || job->request.diagnose)
    return NULL;
  for (struct job *other = jobs; other; other = other->next)
    if (other->parked && !other->successor && !atomic_load (&other->cancelled)
        && strcmp (other->request.share, job->request.share) == 0)
      return other;
  return NULL;
}

uint64_t
msub_job_start (struct msub_request *request, struct msub_error *err)
{
  struct job *job = make_job (request);
  if (!job)
    {
      msub_fail (err, MSUB_INTERNAL, "Out of memory or of descriptors");
      return 0;
    }
  pthread_mutex_lock (&mutex);
  /* The thread may free the job before we are back: remember its number.  */
  uint64_t id = job->id = ++last_id;
  job->request.tls.memory = find_memory (job->request.share);
  if (!shelf)
    shelf = msub_tls_shelf_new ();
  job->request.tls.shelf = shelf;
  struct job *parked = find_parked (job);
  job->next = jobs;
  jobs = job;
  if (parked)
    {
      parked->successor = job;
      wake (parked);
    }
  pthread_mutex_unlock (&mutex);
  if (parked)
    return id;
  int failed = msub_thread_start (run, job);
  if (!failed)
    return id;
  unlink_job (job);
  free_job (job);
  msub_fail_errno (err, MSUB_INTERNAL, failed, "No thread can be started");
  return 0;
}

/* Under the mutex.  */
static struct job *
find_job (uint64_t id)
{
  struct job *job = jobs;
  while (job && job->id != id)
    job = job->next;
  return job;
}

bool
msub_job_cancel (uint64_t id)
{
  pthread_mutex_lock (&mutex);
  struct job *job = find_job (id);
  bool ran = job && !job->done;
  if (job)
    {
      atomic_store (&job->cancelled, true);
      wake (job);
    }
  pthread_mutex_unlock (&mutex);
  return ran;
}

bool
msub_job_answer (uint64_t id, struct msub_answer *answer)
{
  pthread_mutex_lock (&mutex);
  struct job *job = find_job (id);
  bool asked = job && job->asking && !job->answered;
  if (asked)
    {
      job->answer = *answer;
      job->answered = true;
      *answer = (struct msub_answer) { 0 };
      wake (job);
    }
  pthread_mutex_unlock (&mutex);
  msub_answer_free (answer);
  return asked;
}

size_t
msub_jobs_running (void)
{
  size_t count = 0;
  pthread_mutex_lock (&mutex);
  for (const struct job *job = jobs; job; job = job->next)
    count++;
  pthread_mutex_unlock (&mutex);
  return count;
}

size_t
msub_jobs_stop (int msecs)
{
  pthread_mutex_lock (&mutex);
  for (struct job *job = jobs; job; job = job->next)
    {
      atomic_store (&job->cancelled, true);
      wake (job);
    }
  pthread_mutex_unlock (&mutex);
  msub_time deadline = msub_now () + MSUB_MSECS (msecs);
  size_t running;
  while ((running = msub_jobs_running ()) > 0 && msub_now () < deadline)
    nanosleep (&(struct timespec) { .tv_nsec = 2000000 }, NULL);
  return running;
}
