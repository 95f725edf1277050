/* module.c --- the boundary: the functions that Lisp calls.

   Floor 12.  Only this file and lisp.c, which has what becomes of values, know of emacs-module.h.
   SPDX-License-Identifier: GPL-3.0-or-later  */

#define _GNU_SOURCE
#include "disk.h"
#include "ending.h"
#include "gate.h"
#include "job.h"
#include "lisp.h"
#include "neighbour.h"
#include "net.h"
#include "owner.h"
#include "sasl.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EXPORT __attribute__ ((visibility ("default")))

EXPORT int plugin_is_GPL_compatible;

/* The same as mew-submit-module--version in Lisp; MSUB_INTERFACE, from the Makefile, is mew-submit-module--interface.  */
#define VERSION "0.2.0"

/* The functions.  DATA of each is what is kept from call to call, until Emacs ends.  */

struct kept
{
  struct msub_locks *locks;
  struct msub_gates *gates;
};

#define UNUSED __attribute__ ((unused))
#define FUNCTION(name) \
  static emacs_value name (emacs_env *env, ptrdiff_t nargs UNUSED, emacs_value *args UNUSED, void *data UNUSED)

FUNCTION (Fversion)
{
  return msub_lisp_string (env, VERSION);
}

FUNCTION (Finterface)
{
  return msub_lisp_string (env, MSUB_INTERFACE);
}

FUNCTION (Flibraries)
{
  emacs_value list[] = { env->intern (env, ":gnutls"), msub_lisp_string (env, msub_tls_version ()),
                         env->intern (env, ":gsasl"), msub_lisp_string (env, msub_sasl_version ()) };
  return msub_lisp_call (env, "list", 4, list);
}

FUNCTION (Fopen)
{
  int fd = env->open_channel (env, args[0]);
  if (msub_lisp_failed (env))
    return msub_lisp_nil (env);
  msub_jobs_channel (fd);
  return msub_lisp_truth (env, true);
}

FUNCTION (Fstart)
{
  struct msub_request request = { 0 };
  msub_lisp_read_request (env, args[0], &request);
  if (msub_lisp_failed (env))
    {
      msub_request_clear (&request);
      return msub_lisp_nil (env);
    }
  struct msub_error err = { 0 };
  uint64_t id = msub_job_start (&request, &err);
  if (id == 0)
    {
      msub_lisp_signal_error (env, &err);
      return msub_lisp_nil (env);
    }
  return env->make_integer (env, (intmax_t) id);
}

FUNCTION (Fdrain)
{
  struct msub_event *events = msub_jobs_take ();
  emacs_value list = msub_lisp_nil (env);
  for (const struct msub_event *event = events; event && !msub_lisp_failed (env); event = event->next)
    {
      emacs_value pair[] = { msub_lisp_build_event (env, event), list };
      list = msub_lisp_call (env, "cons", 2, pair);
    }
  list = msub_lisp_call (env, "nreverse", 1, &list);
  if (msub_lisp_failed (env))
    {
      /* C-g, or no memory: Lisp has seen none of them.  */
      msub_jobs_put_back (events);
      return msub_lisp_nil (env);
    }
  while (events)
    {
      struct msub_event *event = events;
      events = event->next;
      msub_event_free (&event);
    }
  return list;
}

FUNCTION (Fcancel)
{
  intmax_t id = env->extract_integer (env, args[0]);
  return msub_lisp_failed (env) ? msub_lisp_nil (env) : msub_lisp_truth (env, msub_job_cancel ((uint64_t) id));
}

FUNCTION (Fanswer)
{
  intmax_t id = env->extract_integer (env, args[0]);
  struct msub_answer answer = { 0 };
  if (!msub_lisp_failed (env))
    msub_lisp_read_text (env, args[1], &answer.text);
  if (!msub_lisp_failed (env) && nargs > 2)
    msub_lisp_read_text (env, args[2], &answer.secret);
  if (msub_lisp_failed (env))
    {
      /* An answer that cannot be used is none; the job must not wait for another.  */
      msub_answer_free (&answer);
      msub_job_answer ((uint64_t) id, &answer);
      return msub_lisp_nil (env);
    }
  return msub_lisp_truth (env, msub_job_answer ((uint64_t) id, &answer));
}

FUNCTION (Fjobs)
{
  return env->make_integer (env, (intmax_t) msub_jobs_running ());
}

FUNCTION (Fstop)
{
  int msecs = msub_lisp_read_msecs (env, args[0]);
  return msub_lisp_failed (env) ? msub_lisp_nil (env) : env->make_integer (env, (intmax_t) msub_jobs_stop (msecs));
}

/* Has the user said C-g?  */
static bool
quit (void *env)
{
  emacs_env *e = env;
  return msub_ending_told () || e->process_input (e) == emacs_process_input_quit;
}

FUNCTION (Fspool)
{
  intmax_t in = env->extract_integer (env, args[0]);
  char *file = msub_lisp_failed (env) ? NULL : msub_lisp_copy_string (env, args[1]);
  if (!file)
    return msub_lisp_nil (env);
  struct msub_error err = { 0 };
  intmax_t total = msub_disk_spool ((int) in, file, quit, env, &err);
  free (file);
  if (total < 0 && err.kind == MSUB_OK && msub_ending_told ())
    msub_fail (&err, MSUB_CANCELLED, "Told to stop");
  if (err.kind != MSUB_OK)
    msub_lisp_signal_error (env, &err);
  return msub_lisp_failed (env) ? msub_lisp_nil (env) : env->make_integer (env, total);
}

FUNCTION (Fowner)
{
  uint8_t from[16], to[16];
  uint16_t from_port = 0, to_port = 0;
  size_t length = msub_lisp_read_place (env, args[0], from, &from_port);
  if (length == 0 || msub_lisp_read_place (env, args[1], to, &to_port) != length)
    return msub_lisp_nil (env);
  struct msub_owner owner;
  int found = msub_owner_look (from, from_port, to, to_port, length, &owner);
  if (found <= 0)
    return found == 0 ? msub_lisp_nil (env) : env->intern (env, "unknown");
  emacs_value list[] = { env->make_integer (env, owner.user), msub_lisp_truth (env, owner.held),
                         env->make_integer (env, owner.unread) };
  return msub_lisp_call (env, "list", 3, list);
}

/* A batch Emacs has the default, which is to end when it writes to a connection or pipe that its other end has closed; an
   interactive one ignores the signal anyway.  Programs that are started get the default back.  A file that may not become
   longer (ulimit -f) ends it as well, though the mail it tells of has gone.  */
FUNCTION (Fignore_pipe)
{
  struct sigaction ignore = { .sa_handler = SIG_IGN };
  sigaction (SIGPIPE, &ignore, NULL);
  sigaction (SIGXFSZ, &ignore, NULL);
  return msub_lisp_nil (env);
}

FUNCTION (Fend_with)
{
  intmax_t status = env->extract_integer (env, args[0]);
  return msub_lisp_truth (env, !msub_lisp_failed (env) && msub_ending_with ((int) status));
}

FUNCTION (Fsync)
{
  char *file = msub_lisp_copy_string (env, args[0]);
  if (!file)
    return msub_lisp_nil (env);
  struct msub_error err = { 0 };
  if (msub_disk_sync (file, &err))
    msub_lisp_signal_error (env, &err);
  free (file);
  return msub_lisp_truth (env, !msub_lisp_failed (env));
}

FUNCTION (Fbeat)
{
  intmax_t msecs = env->extract_integer (env, args[0]);
  if (msub_lisp_failed (env) || msecs <= 0 || msecs > INT_MAX)
    return msub_lisp_nil (env);
  return msub_lisp_truth (env, msub_jobs_beat ((unsigned) msecs) == 0);
}

/* For a program that is spoken to by its standard input, which Emacs has no other way to read octet by octet.  */
FUNCTION (Fread)
{
  intmax_t fd = env->extract_integer (env, args[0]);
  if (msub_lisp_failed (env))
    return msub_lisp_nil (env);
  char octets[65536];
  ssize_t n = msub_disk_read ((int) fd, octets, sizeof octets, quit, env);
  return n <= 0 ? msub_lisp_nil (env) : env->make_unibyte_string (env, octets, n);
}

FUNCTION (Fend_when_told)
{
  intmax_t seconds = env->extract_integer (env, args[1]);
  int fd = msub_lisp_failed (env) ? -1 : env->open_channel (env, args[0]);
  if (msub_lisp_failed (env))
    return msub_lisp_nil (env);
  return msub_lisp_truth (env, msub_ending_watch (fd, seconds > 0 && seconds < INT_MAX ? (unsigned) seconds : 1) == 0);
}

FUNCTION (Flock)
{
  char *file = msub_lisp_copy_string (env, args[0]);
  if (!file)
    return msub_lisp_nil (env);
  struct msub_error err = { 0 };
  intmax_t handle = msub_locks_take (((struct kept *) data)->locks, file, &err);
  free (file);
  if (err.kind != MSUB_OK)
    msub_lisp_signal_error (env, &err);
  return handle > 0 ? env->make_integer (env, handle) : msub_lisp_nil (env);
}

FUNCTION (Funlock)
{
  intmax_t handle = env->extract_integer (env, args[0]);
  return msub_lisp_failed (env) ? msub_lisp_nil (env) : msub_lisp_truth (env, msub_locks_give_up (((struct kept *) data)->locks, handle));
}

/* Gates */

static int
open_gate (emacs_env *env, emacs_value *args, struct msub_gate_options *options, char *texts[5])
{
  const ptrdiff_t text_places[] = { 0, 2, 5, 6, 8 };
  for (size_t i = 0; i < 5 && !msub_lisp_failed (env); i++)
    msub_lisp_read_text (env, args[text_places[i]], &texts[i]);
  intmax_t port = msub_lisp_failed (env) ? 0 : env->extract_integer (env, args[1]);
  intmax_t most = msub_lisp_failed (env) ? 0 : env->extract_integer (env, args[3]);
  options->handshake_msecs = msub_lisp_failed (env) ? 0 : msub_lisp_read_msecs (env, args[4]);
  options->host = texts[0];
  options->path = texts[1];
  options->servers = texts[4];
  options->port = (uint16_t) port;
  options->most = most > 0 ? (size_t) most : 0;
  return msub_lisp_failed (env) || !texts[0] || !texts[1] || port < 0 || port > 65535 ? -1 : 0;
}

FUNCTION (Fgate_open)
{
  char *texts[5] = { NULL };
  struct msub_gate_options options = { .implicit = env->is_not_nil (env, args[7]) };
  struct msub_error err = { 0 };
  char fingerprint[MSUB_FINGERPRINT] = "";
  uint16_t port = 0;
  intmax_t handle = 0;
  if (open_gate (env, args, &options, texts) == 0
      && (!texts[2] || (options.identity = msub_identity_load (texts[2], texts[3], fingerprint, &err))))
    handle = msub_gate_open (((struct kept *) data)->gates, &options, &port, &err);
  msub_identity_leave (options.identity);
  for (size_t i = 0; i < 5; i++)
    free (texts[i]);
  if (handle == 0)
    {
      if (err.kind == MSUB_OK)
        msub_fail (&err, MSUB_CONFIG, "The relay has no such place to listen");
      if (!msub_lisp_failed (env))
        msub_lisp_signal_error (env, &err);
      return msub_lisp_nil (env);
    }
  emacs_value list[] = { env->make_integer (env, handle), env->make_integer (env, port), msub_lisp_string (env, fingerprint) };
  return msub_lisp_call (env, "list", 3, list);
}

FUNCTION (Fgate_close)
{
  intmax_t handle = env->extract_integer (env, args[0]);
  return msub_lisp_failed (env) ? msub_lisp_nil (env) : msub_lisp_truth (env, msub_gate_close (((struct kept *) data)->gates, handle));
}

FUNCTION (Fgate_rest)
{
  int msecs = msub_lisp_read_msecs (env, args[0]);
  return msub_lisp_failed (env) ? msub_lisp_nil (env)
                      : env->make_integer (env, (intmax_t) msub_gates_rest (((struct kept *) data)->gates, msecs));
}

FUNCTION (Fgate_guest)
{
  struct msub_guest guest;
  char *ticket = msub_lisp_copy_string (env, args[0]);
  bool known = ticket && msub_gate_guest (((struct kept *) data)->gates, ticket, &guest);
  free (ticket);
  if (!known)
    return msub_lisp_nil (env);
  emacs_value list[] = { msub_lisp_build_place (env, &guest.ends.remote), msub_lisp_build_place (env, &guest.ends.local),
                         msub_lisp_build_place (env, &guest.ends.original), msub_lisp_truth (env, guest.loop),
                         guest.server[0] ? msub_lisp_string (env, guest.server) : msub_lisp_nil (env) };
  return msub_lisp_failed (env) ? msub_lisp_nil (env) : msub_lisp_call (env, "list", 5, list);
}

FUNCTION (Fgate_secure)
{
  intmax_t taken = env->extract_integer (env, args[1]);
  intmax_t said = msub_lisp_failed (env) ? 0 : env->extract_integer (env, args[2]);
  char *ticket = msub_lisp_failed (env) ? NULL : msub_lisp_copy_string (env, args[0]);
  bool secure = ticket && taken >= 0 && said >= 0
                && msub_gate_secure (((struct kept *) data)->gates, ticket, (uint64_t) taken, (uint64_t) said);
  free (ticket);
  return msub_lisp_failed (env) ? msub_lisp_nil (env) : msub_lisp_truth (env, secure);
}

FUNCTION (Fcertificate)
{
  char *file = msub_lisp_copy_string (env, args[0]);
  char *name = file ? msub_lisp_copy_string (env, args[1]) : NULL;
  struct msub_error err = { 0 };
  if (name && msub_identity_make (file, name, &err))
    msub_lisp_signal_error (env, &err);
  free (file);
  free (name);
  return msub_lisp_truth (env, !msub_lisp_failed (env));
}

FUNCTION (Fneighbour)
{
  char *interface = msub_lisp_copy_string (env, args[0]);
  char *address = interface ? msub_lisp_copy_string (env, args[1]) : NULL;
  char words[MSUB_NEIGHBOUR_TEXT] = "";
  bool known = address && msub_neighbour (interface, address, words);
  free (interface);
  free (address);
  return known ? msub_lisp_string (env, words) : msub_lisp_nil (env);
}

FUNCTION (Fsource)
{
  char *address = msub_lisp_copy_string (env, args[0]);
  if (!address)
    return msub_lisp_nil (env);
  struct msub_address source;
  char name[16];
  bool found = msub_address_source (address, &source) == 0;
  emacs_value value = found ? msub_lisp_string (env, source.text) : env->intern (env, msub_errno_name (errno, name));
  free (address);
  return value;
}

static const struct
{
  const char *name;
  ptrdiff_t min, max;
  emacs_value (*function) (emacs_env *env, ptrdiff_t nargs, emacs_value *args, void *data);
  const char *doc;
} functions[] = {
  { "mew-submit--mod-version", 0, 0, Fversion, "Return the module's version." },
  { "mew-submit--mod-interface", 0, 0, Finterface, "Return the number of the interface to Lisp." },
  { "mew-submit--mod-libraries", 0, 0, Flibraries, "Return the libraries' versions as a plist." },
  { "mew-submit--mod-open", 1, 1, Fopen, "Write an octet to pipe process PROCESS after each event.\n\n(fn PROCESS)" },
  { "mew-submit--mod-beat", 1, 1, Fbeat,
    "Write an octet to that process after each MSECS as well, however the clock is set.\n\n(fn MSECS)" },
  { "mew-submit--mod-start", 1, 1, Fstart,
    "Start to deliver what the plist REQUEST says; return the job's number.\n\n(fn REQUEST)" },
  { "mew-submit--mod-drain", 0, 0, Fdrain, "Return the events so far as plists, and forget them." },
  { "mew-submit--mod-cancel", 1, 1, Fcancel, "Ask job ID to stop; return nil when it has ended already.\n\n(fn ID)" },
  { "mew-submit--mod-answer", 2, 3, Fanswer,
    "Answer job ID's question with TEXT and SECRET; nil when it has none.\n\n(fn ID TEXT &optional SECRET)" },
  { "mew-submit--mod-jobs", 0, 0, Fjobs, "Return the number of jobs whose thread has not ended." },
  { "mew-submit--mod-stop", 1, 1, Fstop,
    "Ask all jobs to stop, wait at most MSECS; return how many still run.\n\n(fn MSECS)" },
  { "mew-submit--mod-spool", 2, 2, Fspool,
    "Copy descriptor FD until its end to the new file FILE; return the octets.\n\n(fn FD FILE)" },
  { "mew-submit--mod-lock", 1, 1, Flock,
    "Lock FILE against everybody else; return a handle.\n"
    "Return nil when somebody else has it locked, or it is no more.\n\n(fn FILE)" },
  { "mew-submit--mod-unlock", 1, 1, Funlock, "Give up the lock HANDLE; return nil when it is none.\n\n(fn HANDLE)" },
  { "mew-submit--mod-owner", 2, 2, Fowner,
    "Tell of the TCP socket at FROM that is connected to TO.\n"
    "Both are vectors of an address's octets, and its port.  Return a list of its\n"
    "user's number, whether a process has it, and how many octets the other end has\n"
    "not taken; nil when there is none; `unknown' when the system does not tell.\n\n(fn FROM TO)" },
  { "mew-submit--mod-ignore-pipe", 0, 0, Fignore_pipe,
    "Have writing to a connection that was closed, or more than a file may have, be\n"
    "an error, and not end Emacs." },
  { "mew-submit--mod-end-with", 1, 1, Fend_with,
    "Have Emacs end with STATUS, whatever it could not write.\n"
    "Return non-nil if something was lost for standard output.\n\n(fn STATUS)" },
  { "mew-submit--mod-end-when-told", 2, 2, Fend_when_told,
    "Write the number of SIGTERM, SIGHUP or SIGINT, once, to pipe process PROCESS, instead of what Emacs does.\n"
    "Emacs is gone SECONDS later at the latest.\n\n(fn PROCESS SECONDS)" },
  { "mew-submit--mod-read", 1, 1, Fread, "Wait for octets from descriptor FD; return them, or nil at its end.\n\n(fn FD)" },
  { "mew-submit--mod-sync", 1, 1, Fsync, "Have FILE, or a directory, on disk.\n\n(fn FILE)" },
  { "mew-submit--mod-gate-open", 9, 9, Fgate_open,
    "Listen on PORT of HOST for the relay at the Unix socket PATH, for MOST guests.\n"
    "With CERTIFICATE, a file, and KEY, the same or another one or nil, they can have\n"
    "TLS, with MSECS for the handshake, which IMPLICIT says is to come first.  Return\n"
    "a list of a handle, the port and the certificate's fingerprint.  SERVERS is nil\n"
    "or names, each with a newline, that redirected guests may have called."
    "\n\n(fn HOST PORT PATH MOST MSECS CERTIFICATE KEY IMPLICIT SERVERS)" },
  { "mew-submit--mod-gate-close", 1, 1, Fgate_close, "Listen no more at the gate HANDLE.\n\n(fn HANDLE)" },
  { "mew-submit--mod-gate-rest", 1, 1, Fgate_rest,
    "Wait MSECS at most until guests know what was said last; return how many do not.\n\n(fn MSECS)" },
  { "mew-submit--mod-gate-guest", 1, 1, Fgate_guest,
    "Tell of the guest with TICKET: a list of its address, of the one it has reached,\n"
    "of the one it had called when a filter's rule has led it here, of whether it is\n"
    "this Emacs, and of which of the gate's servers it had called.  Return nil when there is none.\n\n(fn TICKET)" },
  { "mew-submit--mod-gate-secure", 3, 3, Fgate_secure,
    "Have TLS with the guest with TICKET when it has been sent SAID octets.\n"
    "Return nil when that cannot be, or it has sent more than TAKEN octets before.\n\n(fn TICKET TAKEN SAID)" },
  { "mew-submit--mod-certificate", 2, 2, Fcertificate,
    "Make a key and a certificate for NAME, which it signs itself, in the new FILE.\n\n(fn FILE NAME)" },
  { "mew-submit--mod-neighbour", 2, 2, Fneighbour,
    "Return the link-layer address of ADDRESS on INTERFACE if the system knows it.\n\n(fn INTERFACE ADDRESS)" },
  { "mew-submit--mod-source", 1, 1, Fsource,
    "Return our address for packets to the numeric ADDRESS, or why there is none, a symbol such as ENETUNREACH."
    "\n\n(fn ADDRESS)" },
};

EXPORT int
emacs_module_init (struct emacs_runtime *runtime)
{
  if (runtime->size < (ptrdiff_t) sizeof *runtime)
    return 1;
  emacs_env *env = runtime->get_environment (runtime);
  if (env->size < (ptrdiff_t) sizeof (struct emacs_env_28))
    return 2;
  struct kept *kept = calloc (1, sizeof *kept);
  if (!kept || !(kept->locks = msub_locks_new ()) || !(kept->gates = msub_gates_new ()))
    return 3;
  for (size_t i = 0; i < sizeof functions / sizeof *functions; i++)
    {
      emacs_value function = env->make_function (env, functions[i].min, functions[i].max, functions[i].function,
                                                 functions[i].doc, kept);
      emacs_value args[] = { env->intern (env, functions[i].name), function };
      msub_lisp_call (env, "defalias", 2, args);
    }
  emacs_value feature = env->intern (env, "mew-submit-native");
  msub_lisp_call (env, "provide", 1, &feature);
  return 0;
}
