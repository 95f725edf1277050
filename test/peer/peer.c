/* peer.c --- a scriptable SMTP server for tests: command line, listeners, lifetime.
   README.org has the reference.

   SPDX-License-Identifier: GPL-3.0-or-later  */

#define _GNU_SOURCE
#include "peer.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define MAX_CONNECTIONS 600
#define BACKLOG 1024
#define BIND_TRIES 20

struct options options;

static struct listener *listeners;
static size_t n_listeners;
static atomic_uint running, accepted;
static volatile sig_atomic_t stop;
static struct timespec started;

void
die (const char *format, ...)
{
  va_list args;
  va_start (args, format);
  fputs ("peer: ", stderr);
  vfprintf (stderr, format, args);
  fputc ('\n', stderr);
  va_end (args);
  exit (2);
}

void *
need (void *p)
{
  if (!p)
    die ("out of memory");
  return p;
}

char *
printed (const char *format, ...)
{
  char *p = NULL;
  va_list args;
  va_start (args, format);
  if (vasprintf (&p, format, args) < 0)
    die ("out of memory");
  va_end (args);
  return p;
}

long long
now_msecs (void)
{
  struct timespec now;
  clock_gettime (CLOCK_MONOTONIC, &now);
  return (now.tv_sec - started.tv_sec) * 1000LL + (now.tv_nsec - started.tv_nsec) / 1000000;
}

static void
on_signal (int number)
{
  (void) number;
  stop = 1;
}

/* --- command line and script file --------------------------------------------------------- */

/* TEXT is ADDRESS:PORT[,directive]...  */
static struct listener *
add_listener (const char *text)
{
  listeners = need (realloc (listeners, (n_listeners + 1) * sizeof *listeners));
  struct listener *l = &listeners[n_listeners++];
  *l = (struct listener) { .fd = -1 };
  script_split (text, &l->directives, &l->n_directives);
  char *where = l->directives[0];
  char *colon = strrchr (where, ':');
  if (!colon || !colon[1])
    die ("%s: a listener is ADDRESS:PORT[,DIRECTIVE]...", where);
  *colon = '\0';
  l->port = colon + 1;
  size_t n = strlen (where);
  if (where[0] == '[' && n > 1 && where[n - 1] == ']')
    {
      where[n - 1] = '\0';
      where++;
    }
  l->address = where;
  /* What is left are the directives; the first element stays allocated as the address.  */
  l->n_directives--;
  memmove (l->directives, l->directives + 1, l->n_directives * sizeof *l->directives);
  return l;
}

/* A line that begins in the first column is a listener; an indented line is one more directive
   for it, in which commas are ordinary.  */
static void
read_script_file (const char *file)
{
  FILE *f = fopen (file, "re");
  if (!f)
    die ("%s: %s", file, strerror (errno));
  char *line = NULL;
  size_t size = 0;
  ssize_t n;
  while ((n = getline (&line, &size, f)) > 0)
    {
      while (n > 0 && (line[n - 1] == '\n' || line[n - 1] == '\r'))
        line[--n] = '\0';
      char *p = line + strspn (line, " \t");
      if (*p == '\0' || *p == '#')
        continue;
      if (p == line)
        {
          add_listener (p);
          continue;
        }
      if (n_listeners == 0)
        die ("%s: a directive before the first listener", file);
      struct listener *l = &listeners[n_listeners - 1];
      l->directives = need (realloc (l->directives, (l->n_directives + 1) * sizeof (char *)));
      l->directives[l->n_directives++] = printed ("%s", p);
    }
  free (line);
  fclose (f);
}

static void
usage (void)
{
  die ("usage: peer [--certs DIR] [--log FILE] [--store DIR] [--user U --password P]\n"
       "            [--token-check COMMAND] [--names NAME,...] [--ready FILE] [--pid-watch] [--script FILE] LISTENER...\n"
       "  LISTENER is ADDRESS:PORT[,DIRECTIVE]..., see README.org");
}

static void
read_arguments (int argc, char **argv)
{
  options.names = "smtp.example.org,localhost,127.0.0.1,::1,192.0.2.1,2001:db8::1";
  const struct { const char *name; const char **value; } valued[] = {
    { "--certs", &options.certs }, { "--log", &options.log }, { "--store", &options.store },
    { "--ready", &options.ready }, { "--user", &options.user }, { "--names", &options.names },
    { "--password", &options.password }, { "--token-check", &options.token_check },
  };
  for (int i = 1; i < argc; i++)
    {
      if (strncmp (argv[i], "--", 2) != 0)
        {
          add_listener (argv[i]);
          continue;
        }
      if (strcmp (argv[i], "--pid-watch") == 0)
        {
          options.pid_watch = true;
          continue;
        }
      if (i + 1 == argc)
        usage ();
      const char *name = argv[i], *value = argv[++i];
      size_t k = 0;
      while (k < sizeof valued / sizeof *valued && strcmp (valued[k].name, name) != 0)
        k++;
      if (k < sizeof valued / sizeof *valued)
        *valued[k].value = value;
      else if (strcmp (name, "--listen") == 0)
        add_listener (value);
      else if (strcmp (name, "--script") == 0)
        read_script_file (value);
      else
        usage ();
    }
  if (n_listeners == 0 || !options.user != !options.password)
    usage ();
}

/* Check all directives now, and note what a listener is for all its connections.  */
static void
check_scripts (char ***certs, size_t *n_certs)
{
  for (size_t i = 0; i < n_listeners; i++)
    {
      struct listener *l = &listeners[i];
      char error[256];
      struct script *s = script_parse (l->directives, l->n_directives, 0, error, sizeof error);
      if (!s)
        die ("%s:%s: %s", l->address, l->port, error);
      l->name = s->name ? printed ("%s", s->name) : printed ("listener%zu", i + 1);
      l->silent = s->silent;
      l->refused = s->refused;
      l->rcvbuf = (int) s->rcvbuf;
      l->mode = s->implicit ? "implicit" : s->plain ? "plain" : "starttls";
      script_free (s);
      /* The same directive may name another certificate for another connection.  */
      for (size_t d = 0; d < l->n_directives; d++)
        {
          const char *p = l->directives[d] + strspn (l->directives[d], "0123456789+");
          p += p > l->directives[d] && *p == ':';
          if (strncmp (p, "cert=", 5) == 0)
            {
              *certs = need (realloc (*certs, (*n_certs + 1) * sizeof **certs));
              (*certs)[(*n_certs)++] = printed ("%s", p + 5);
            }
        }
    }
}

/* --- listeners ---------------------------------------------------------------------------- */

/* PORT is a number, or =NAME for the same as the listener NAME above.  */
static const char *
port_of (const struct listener *l, char *buf, size_t size)
{
  if (l->port[0] != '=')
    return l->port;
  for (const struct listener *other = listeners; other < l; other++)
    if (strcmp (other->name, l->port + 1) == 0)
      {
        snprintf (buf, size, "%d", other->number);
        return buf;
      }
  die ("%s:%s: no listener of that name above", l->address, l->port);
}

/* The accept queue has room for one: take it, and Linux drops every further SYN.  */
static void
fill_queue (const struct sockaddr *address, socklen_t n)
{
  for (int i = 0; i < 3; i++)
    {
      int fd = socket (address->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
      if (fd < 0 || (connect (fd, address, n) < 0 && errno != EINPROGRESS))
        die ("silent: %s", strerror (errno));
      struct pollfd p = { .fd = fd, .events = POLLOUT };
      poll (&p, 1, i == 0 ? 1000 : 50);
      /* The descriptor stays open as long as the program runs.  */
    }
}

static int
open_listener (struct listener *l)
{
  struct addrinfo hints = { .ai_socktype = SOCK_STREAM,
                            .ai_flags = AI_PASSIVE | AI_NUMERICHOST | AI_NUMERICSERV };
  struct addrinfo *a = NULL;
  char port[16];
  int one = 1, r = getaddrinfo (l->address, port_of (l, port, sizeof port), &hints, &a);
  if (r != 0)
    die ("%s:%s: %s", l->address, l->port, gai_strerror (r));
  l->fd = socket (a->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (l->fd < 0)
    die ("%s: %s", l->address, strerror (errno));
  setsockopt (l->fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  if (a->ai_family == AF_INET6)
    setsockopt (l->fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof one);
  if (l->rcvbuf)
    {
      /* On loopback a segment has 64 KiB, and the client's buffer room for many.  */
      int segment = 1000;
      setsockopt (l->fd, SOL_SOCKET, SO_RCVBUF, &l->rcvbuf, sizeof l->rcvbuf);
      setsockopt (l->fd, IPPROTO_TCP, TCP_MAXSEG, &segment, sizeof segment);
    }
  r = bind (l->fd, a->ai_addr, a->ai_addrlen);
  /* `refused' keeps the port for itself, but does not listen.  */
  if (r == 0 && !l->refused)
    r = listen (l->fd, l->silent ? 0 : BACKLOG);
  freeaddrinfo (a);
  if (r < 0)
    return -1;
  struct sockaddr_storage got;
  socklen_t n = sizeof got;
  getsockname (l->fd, (struct sockaddr *) &got, &n);
  l->number = ntohs (got.ss_family == AF_INET6 ? ((struct sockaddr_in6 *) &got)->sin6_port
                                               : ((struct sockaddr_in *) &got)->sin_port);
  if (l->silent)
    fill_queue ((struct sockaddr *) &got, n);
  return 0;
}

/* An ephemeral port that is free on one address may be taken on the next one that has to have
   the same number: then all begin again.  */
static void
open_listeners (void)
{
  for (int try = 1;; try++)
    {
      size_t i = 0;
      while (i < n_listeners && open_listener (&listeners[i]) == 0)
        i++;
      if (i == n_listeners)
        return;
      int number = errno;
      if (listeners[i].port[0] != '=' || number != EADDRINUSE || try == BIND_TRIES)
        die ("%s:%s: %s", listeners[i].address, listeners[i].port, strerror (number));
      for (size_t k = 0; k <= i; k++)
        close (listeners[k].fd);
    }
}

static void
write_ready (FILE *f)
{
  fputs ("{\"listeners\":[", f);
  for (size_t i = 0; i < n_listeners; i++)
    {
      const struct listener *l = &listeners[i];
      fputs (i ? ",{" : "{", f);
      json_members (f, "ssds", "name", l->name, "address", l->address, "port",
                    (long long) l->number, "mode", l->mode);
      fputc ('}', f);
    }
  char *ca = printed ("%s/ca.pem", options.certs), *crl = printed ("%s/crl.pem", options.certs);
  fputs ("],", f);
  json_members (f, "sssssd", "certs", options.certs, "ca", ca, "crl", crl, "log", options.log,
                "store", options.store, "pid", (long long) getpid ());
  fputs ("}\n", f);
  free (ca);
  free (crl);
}

static void
announce (void)
{
  if (options.ready)
    {
      char *part = printed ("%s.part", options.ready);
      FILE *f = fopen (part, "we");
      if (!f)
        die ("%s: %s", part, strerror (errno));
      write_ready (f);
      if (fclose (f) != 0 || rename (part, options.ready) < 0)
        die ("%s: %s", options.ready, strerror (errno));
      free (part);
    }
  write_ready (stdout);
  fflush (stdout);
}

/* --- connections -------------------------------------------------------------------------- */

static void *
run (void *data)
{
  struct conn *c = data;
  serve (c);
  wire_free (&c->wire);
  script_free (c->script);
  free (c);
  atomic_fetch_sub (&running, 1);
  return NULL;
}

static void
accept_one (struct listener *l, const pthread_attr_t *attributes)
{
  struct sockaddr_storage from;
  socklen_t n = sizeof from;
  int one = 1, fd = accept4 (l->fd, (struct sockaddr *) &from, &n, SOCK_CLOEXEC | SOCK_NONBLOCK);
  if (fd < 0)
    return;
  setsockopt (fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  struct conn *c = need (calloc (1, sizeof *c));
  char host[64] = "", port[16] = "", error[256];
  getnameinfo ((struct sockaddr *) &from, n, host, sizeof host, port, sizeof port,
               NI_NUMERICHOST | NI_NUMERICSERV);
  c->wire.fd = fd;
  c->wire.handshake_truncate = -1;
  c->listener = l;
  c->id = atomic_fetch_add (&accepted, 1) + 1;
  c->number = ++l->connections;
  c->script = script_parse (l->directives, l->n_directives, c->number, error, sizeof error);
  log_event (c, "connect", "ss", "from", host, "from_port", port);
  pthread_t thread;
  bool full = atomic_fetch_add (&running, 1) >= MAX_CONNECTIONS;
  if (full || !c->script || pthread_create (&thread, attributes, run, c) != 0)
    {
      log_event (c, "dropped", "s", "reason", full ? "too many connections" : "no thread");
      wire_free (&c->wire);
      script_free (c->script);
      free (c);
      atomic_fetch_sub (&running, 1);
    }
}

/* With --pid-watch the end of the parent process is the end; else the end of stdin.  */
static bool
orphaned (pid_t parent, struct pollfd *in)
{
  char buf[256];
  if (options.pid_watch)
    return getppid () != parent;
  return in->revents && read (0, buf, sizeof buf) <= 0;
}

static void
accept_loop (void)
{
  pthread_attr_t attributes;
  pthread_attr_init (&attributes);
  pthread_attr_setdetachstate (&attributes, PTHREAD_CREATE_DETACHED);
  pthread_attr_setstacksize (&attributes, 512 * 1024);
  struct pollfd *p = need (calloc (n_listeners + 1, sizeof *p));
  p[n_listeners] = (struct pollfd) { .fd = options.pid_watch ? -1 : 0, .events = POLLIN };
  for (size_t i = 0; i < n_listeners; i++)
    p[i] = (struct pollfd) { .fd = listeners[i].silent || listeners[i].refused
                                     ? -1 : listeners[i].fd, .events = POLLIN };
  pid_t parent = getppid ();
  while (!stop)
    {
      /* The time-out is for --pid-watch, and for a signal that came just before.  */
      int n = poll (p, n_listeners + 1, 250);
      if (n < 0)
        continue;
      if (orphaned (parent, &p[n_listeners]))
        break;
      for (size_t i = 0; i < n_listeners; i++)
        if (p[i].revents & POLLIN)
          accept_one (&listeners[i], &attributes);
    }
  free (p);
  pthread_attr_destroy (&attributes);
}

/* A listener and a connection each take a descriptor, and the usual soft limit, 1024, is not enough for all scenarios.  */
static void
raise_limit (void)
{
  struct rlimit limit;
  if (getrlimit (RLIMIT_NOFILE, &limit) < 0)
    return;
  limit.rlim_cur = limit.rlim_max;
  setrlimit (RLIMIT_NOFILE, &limit);
}

/* A directory for the certificates where --certs names none.  */
static char *
make_temporary (void)
{
  const char *parent = getenv ("TMPDIR");
  char *dir = printed ("%s/peer-XXXXXX", parent && *parent ? parent : P_tmpdir);
  if (!mkdtemp (dir))
    die ("%s: %s", dir, strerror (errno));
  return dir;
}

static int
remove_one (const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
  (void) st, (void) flag, (void) ftw;
  return remove (path);
}

int
main (int argc, char **argv)
{
  clock_gettime (CLOCK_MONOTONIC, &started);
  signal (SIGPIPE, SIG_IGN);
  struct sigaction action = { .sa_handler = on_signal };
  sigaction (SIGTERM, &action, NULL);
  sigaction (SIGINT, &action, NULL);
  raise_limit ();
  read_arguments (argc, argv);
  bool own_certs = !options.certs;
  if (own_certs)
    options.certs = make_temporary ();
  else
    mkdir (options.certs, 0755);
  if (options.store)
    mkdir (options.store, 0755);
  char **certs = NULL;
  size_t n_certs = 0;
  check_scripts (&certs, &n_certs);
  certs_make (certs, n_certs);
  for (size_t i = 0; i < n_certs; i++)
    free (certs[i]);
  free (certs);
  log_open (options.log);
  open_listeners ();
  announce ();
  accept_loop ();
  log_close ();
  if (own_certs)
    nftw (options.certs, remove_one, 8, FTW_DEPTH | FTW_PHYS);
  /* Not exit: the threads of open connections end with the process.  */
  _exit (0);
}
