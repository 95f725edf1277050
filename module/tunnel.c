/* tunnel.c --- other ways to the server than a TCP connection from here: SSH, SOCKS5, a Unix socket.

   Floor 2.  SPDX-License-Identifier: GPL-3.0-or-later  */

#define _GNU_SOURCE
#include "tunnel.h"
#include "thread.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

#define TEXT_MAX 4096

struct msub_tunnel
{
  const struct msub_tunnel_options *options;
  const char *host;
  uint16_t port;
  int fd;            /* the way itself */
  int said_fd;       /* SSH: what ssh says (its standard error) */
  pid_t pid;         /* SSH */
  char said[TEXT_MAX];
  size_t said_length;
  int (*step) (struct msub_tunnel *tunnel, int *errnum_r, char *words, size_t size); /* SOCKS5: what comes next */
  unsigned char reply[512];
  size_t reply_length;
};

/* SSH: `ssh -W host:port jump' joins its standard input and output to a connection that the jump host makes (direct-tcpip,
   RFC 4254 section 7.2).  What became of that connection is told only on standard error, and only with -vv.  */

static void
read_said (struct msub_tunnel *tunnel)
{
  for (;;)
    {
      if (tunnel->said_length >= sizeof tunnel->said - 512)
        {
          /* Only the latest words matter.  */
          size_t half = tunnel->said_length / 2;
          memmove (tunnel->said, tunnel->said + half, tunnel->said_length - half);
          tunnel->said_length -= half;
        }
      ssize_t n = read (tunnel->said_fd, tunnel->said + tunnel->said_length,
                        sizeof tunnel->said - 1 - tunnel->said_length);
      if (n < 0 && errno == EINTR)
        continue;
      if (n == 0)
        {
          close (tunnel->said_fd);
          tunnel->said_fd = -1;
        }
      if (n <= 0)
        return;
      tunnel->said_length += (size_t) n;
      tunnel->said[tunnel->said_length] = '\0';
    }
}

/* The last line of what ssh said that is not one of its debugging notes.  */
static void
last_words (const struct msub_tunnel *tunnel, char *words, size_t size)
{
  const char *best = "it said nothing";
  size_t best_length = strlen (best);
  for (const char *p = tunnel->said; *p;)
    {
      size_t length = strcspn (p, "\r\n");
      if (length > 0 && strncmp (p, "debug", 5) != 0)
        {
          best = p;
          best_length = length;
        }
      p += length;
      p += strspn (p, "\r\n");
    }
  snprintf (words, size, "%.*s", (int) (best_length > 200 ? 200 : best_length), best);
}

static int
ssh_step (struct msub_tunnel *tunnel, int *errnum_r, char *words, size_t size)
{
  static const struct
  {
    const char *words;
    int errnum;
  } outcomes[] = {
    { "Connection refused", ECONNREFUSED },      { "Connection timed out", ETIMEDOUT },
    { "No route to host", EHOSTUNREACH },        { "Network is unreachable", ENETUNREACH },
    { "Host is unreachable", EHOSTUNREACH },     { "Permission denied", EACCES },
    { "Operation timed out", ETIMEDOUT },
  };
  if (tunnel->said_fd >= 0)
    read_said (tunnel);
  *errnum_r = 0;
  const char *failed = strstr (tunnel->said, "open failed:");
  for (size_t i = 0; failed && i < sizeof outcomes / sizeof *outcomes; i++)
    if (strstr (failed, outcomes[i].words))
      *errnum_r = outcomes[i].errnum;
  if (!failed && strstr (tunnel->said, "open confirm"))
    return 1;
  if (!failed && tunnel->said_fd >= 0)
    return 0;
  char last[256];
  last_words (tunnel, last, sizeof last);
  snprintf (words, size, "through ssh %.80s: %s", tunnel->options->place, last);
  return -1;
}

static char **
ssh_arguments (const struct msub_tunnel *tunnel, char *target, size_t size)
{
  snprintf (target, size, strchr (tunnel->host, ':') ? "[%s]:%u" : "%s:%u", tunnel->host, (unsigned) tunnel->port);
  static const char *const fixed[] = { "ssh", "-vv", "-o", "BatchMode=yes", "-o", "ClearAllForwardings=yes", "-W" };
  const size_t count = sizeof fixed / sizeof *fixed;
  char **argv = calloc (count + 4, sizeof *argv);
  if (!argv)
    return NULL;
  for (size_t i = 0; i < count; i++)
    argv[i] = (char *) (uintptr_t) fixed[i];
  argv[count] = target;
  argv[count + 1] = (char *) (uintptr_t) "--";
  argv[count + 2] = (char *) (uintptr_t) tunnel->options->place;
  return argv;
}

/* Start ssh with STDIO for its standard input and output and SAID for its standard error.  Returns errno's value.  */
static int
spawn_ssh (struct msub_tunnel *tunnel, int stdio, int said)
{
  char target[300];
  char **argv = ssh_arguments (tunnel, target, sizeof target);
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
  if (!argv)
    return ENOMEM;
  posix_spawn_file_actions_init (&actions);
  posix_spawn_file_actions_adddup2 (&actions, stdio, 0);
  posix_spawn_file_actions_adddup2 (&actions, stdio, 1);
  posix_spawn_file_actions_adddup2 (&actions, said, 2);
  /* This thread blocks all signals; ssh must not.  Its own process group keeps C-c in a terminal from it.  */
  sigset_t none, defaults;
  sigemptyset (&none);
  sigemptyset (&defaults);
  sigaddset (&defaults, SIGPIPE);
  sigaddset (&defaults, SIGCHLD);
  posix_spawnattr_init (&attributes);
  posix_spawnattr_setsigmask (&attributes, &none);
  posix_spawnattr_setsigdefault (&attributes, &defaults);
  posix_spawnattr_setpgroup (&attributes, 0);
  posix_spawnattr_setflags (&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
  const struct msub_tunnel_options *options = tunnel->options;
  int failed = posix_spawnp (&tunnel->pid, options->program ? options->program : argv[0], &actions, &attributes, argv,
                             options->environment ? options->environment : environ);
  posix_spawnattr_destroy (&attributes);
  posix_spawn_file_actions_destroy (&actions);
  free (argv);
  if (failed)
    tunnel->pid = -1;
  return failed;
}

static int
start_ssh (struct msub_tunnel *tunnel, struct msub_error *err)
{
  int stdio[2] = { -1, -1 }, said[2] = { -1, -1 }, failed = 0;
  /* ssh expects descriptors that block.  */
  if (msub_net_socket_pair (stdio) || msub_net_pipe (said) || msub_net_blocking (stdio[1]) || msub_net_blocking (said[1]))
    failed = errno;
  if (!failed)
    failed = spawn_ssh (tunnel, stdio[1], said[1]);
  for (int i = 0; i < 2; i++)
    {
      int *ours = i ? &tunnel->said_fd : &tunnel->fd, *ends = i ? said : stdio;
      *ours = ends[0];
      if (ends[1] >= 0)
        close (ends[1]);
    }
  tunnel->step = ssh_step;
  return failed ? msub_fail_errno (err, MSUB_CONFIG, failed, "ssh cannot be started") : 0;
}

/* The process that carries the connection ends when that does; somebody has to wait for it.  */
static void
reap (void *arg)
{
  pid_t pid = (pid_t) (intptr_t) arg;
  while (waitpid (pid, NULL, 0) < 0 && errno == EINTR)
    ;
}

/* SOCKS5 (RFC 1928): a short conversation before the way is open */

static int
socks_failed (const struct msub_tunnel *tunnel, char *words, size_t size, const char *why)
{
  snprintf (words, size, "the SOCKS5 proxy %.80s %s", tunnel->options->place, why);
  return -1;
}

static int
socks_say (struct msub_tunnel *tunnel, const void *octets, size_t n)
{
  /* A few octets into an empty socket buffer.  */
  return send (tunnel->fd, octets, n, MSG_NOSIGNAL) == (ssize_t) n ? 0 : -1;
}

/* Have N octets of reply arrived?  1, 0 not yet, -1 never.  */
static int
socks_hear (struct msub_tunnel *tunnel, size_t n)
{
  while (tunnel->reply_length < n)
    {
      ssize_t got = recv (tunnel->fd, tunnel->reply + tunnel->reply_length, n - tunnel->reply_length, 0);
      if (got < 0 && errno == EINTR)
        continue;
      if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
        return 0;
      if (got <= 0)
        return -1;
      tunnel->reply_length += (size_t) got;
    }
  return 1;
}

static int
socks_reply (struct msub_tunnel *tunnel, int *errnum_r, char *words, size_t size)
{
  static const struct
  {
    int errnum;
    const char *words;
  } failures[] = {
    [1] = { 0, "failed, and does not say why" },
    [2] = { EACCES, "does not allow this connection" },
    [3] = { ENETUNREACH, "says: network unreachable" },
    [4] = { EHOSTUNREACH, "says: host unreachable" },
    [5] = { ECONNREFUSED, "says: connection refused" },
    [6] = { ETIMEDOUT, "says: time to live expired" },
    [7] = { 0, "does not know how to connect" },
    [8] = { 0, "does not take this kind of address" },
  };
  int heard = socks_hear (tunnel, 5);
  if (heard > 0)
    {
      const unsigned char *r = tunnel->reply;
      if (r[0] != 5 || r[1] > 8)
        return socks_failed (tunnel, words, size, "does not speak SOCKS5");
      if (r[1] != 0)
        {
          *errnum_r = failures[r[1]].errnum;
          return socks_failed (tunnel, words, size, failures[r[1]].words);
        }
      size_t address = r[3] == 1 ? 4 : r[3] == 4 ? 16 : r[3] == 3 ? 1u + r[4] : 0;
      if (address == 0)
        return socks_failed (tunnel, words, size, "does not speak SOCKS5");
      heard = socks_hear (tunnel, 4 + address + 2);
    }
  if (heard >= 0)
    return heard;
  /* So does `ssh -D', whatever kept it from the port.  It has accepted in the far end's place, and no more is known.  */
  *errnum_r = ECONNRESET;
  return socks_failed (tunnel, words, size, "closed the connection instead of saying what became of the port behind it");
}

static int
socks_request (struct msub_tunnel *tunnel, char *words, size_t size)
{
  unsigned char request[4 + 1 + 255 + 2] = { 5, 1, 0, 3 };
  size_t n = strlen (tunnel->host);
  if (n > 255)
    return socks_failed (tunnel, words, size, "cannot be given a name that long");
  request[4] = (unsigned char) n;
  memcpy (request + 5, tunnel->host, n);
  request[5 + n] = (unsigned char) (tunnel->port >> 8);
  request[6 + n] = (unsigned char) tunnel->port;
  tunnel->reply_length = 0;
  tunnel->step = socks_reply;
  return socks_say (tunnel, request, 7 + n) ? socks_failed (tunnel, words, size, "closed the connection") : 0;
}

static int
socks_login_reply (struct msub_tunnel *tunnel, int *errnum_r, char *words, size_t size)
{
  (void) errnum_r;
  int heard = socks_hear (tunnel, 2);
  if (heard < 0 || (heard > 0 && tunnel->reply[1] != 0))
    return socks_failed (tunnel, words, size, "refused the user name or the password");
  return heard > 0 ? socks_request (tunnel, words, size) : 0;
}

/* RFC 1929.  */
static int
socks_login (struct msub_tunnel *tunnel, char *words, size_t size)
{
  const char *user = tunnel->options->user, *password = tunnel->options->password;
  size_t n = user ? strlen (user) : 0, m = password ? strlen (password) : 0;
  if (n == 0 || n > 255 || m > 255)
    return socks_failed (tunnel, words, size, "wants a user name and a password");
  unsigned char login[3 + 255 + 255] = { 1, (unsigned char) n };
  memcpy (login + 2, user, n);
  login[2 + n] = (unsigned char) m;
  if (m)
    memcpy (login + 3 + n, password, m);
  tunnel->reply_length = 0;
  tunnel->step = socks_login_reply;
  int failed = socks_say (tunnel, login, 3 + n + m);
  msub_wipe (login, sizeof login);
  return failed ? socks_failed (tunnel, words, size, "closed the connection") : 0;
}

static int
socks_method (struct msub_tunnel *tunnel, int *errnum_r, char *words, size_t size)
{
  (void) errnum_r;
  int heard = socks_hear (tunnel, 2);
  if (heard < 0)
    return socks_failed (tunnel, words, size, "closed the connection");
  if (heard == 0)
    return 0;
  if (tunnel->reply[0] != 5)
    return socks_failed (tunnel, words, size, "does not speak SOCKS5");
  if (tunnel->reply[1] == 0)
    return socks_request (tunnel, words, size);
  return tunnel->reply[1] == 2 ? socks_login (tunnel, words, size)
                               : socks_failed (tunnel, words, size, "offers no way to log in");
}

static int
connect_outcome (const struct msub_tunnel *tunnel)
{
  int errnum = 0;
  socklen_t length = sizeof errnum;
  if (getsockopt (tunnel->fd, SOL_SOCKET, SO_ERROR, &errnum, &length))
    errnum = errno;
  struct sockaddr_storage peer;
  length = sizeof peer;
  return errnum ? errnum : getpeername (tunnel->fd, (struct sockaddr *) &peer, &length) ? EINPROGRESS : 0;
}

static int
socks_connected (struct msub_tunnel *tunnel, int *errnum_r, char *words, size_t size)
{
  (void) errnum_r;
  int errnum = connect_outcome (tunnel);
  if (errnum == EINPROGRESS)
    return 0;
  if (errnum)
    {
      char why[128], name[16];
      snprintf (why, sizeof why, "cannot be reached (%s)", msub_errno_name (errnum, name));
      return socks_failed (tunnel, words, size, why);
    }
  bool login = tunnel->options->user && *tunnel->options->user;
  const unsigned char hello[] = { 5, login ? 2 : 1, 0, 2 };
  tunnel->step = socks_method;
  return socks_say (tunnel, hello, login ? 4 : 3) ? socks_failed (tunnel, words, size, "closed the connection") : 0;
}

/* HOST:PORT or [HOST]:PORT of a proxy, which is looked up by address only: a proxy is on this machine or has a number, and a
   name would need a resolver that the proxy is there to avoid.  */
static int
proxy_address (const char *place, struct msub_address *address_r)
{
  char host[256], port[8];
  if (sscanf (place, "[%255[^]]]:%7[0-9]", host, port) != 2 && sscanf (place, "%255[^:]:%7[0-9]", host, port) != 2)
    return -1;
  if (strcmp (host, "localhost") == 0)
    strcpy (host, "127.0.0.1");
  struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV }, *list = NULL;
  if (getaddrinfo (host, port, &hints, &list))
    return -1;
  memcpy (&address_r->sockaddr, list->ai_addr, list->ai_addrlen);
  address_r->length = list->ai_addrlen;
  freeaddrinfo (list);
  return 0;
}

static int
start_socks (struct msub_tunnel *tunnel, struct msub_error *err)
{
  struct msub_address proxy = { 0 };
  if (proxy_address (tunnel->options->place, &proxy))
    return msub_fail (err, MSUB_CONFIG, "The SOCKS5 proxy is not ADDRESS:PORT: %s", tunnel->options->place);
  tunnel->fd = msub_net_socket (proxy.sockaddr.ss_family);
  if (tunnel->fd < 0
      || (connect (tunnel->fd, (const struct sockaddr *) &proxy.sockaddr, proxy.length) && errno != EINPROGRESS))
    return msub_fail_errno (err, MSUB_CONNECT, errno, "The SOCKS5 proxy %s cannot be reached", tunnel->options->place);
  tunnel->step = socks_connected;
  return 0;
}

/* A Unix socket: somebody on this machine carries the octets on */

static int
unix_connected (struct msub_tunnel *tunnel, int *errnum_r, char *words, size_t size)
{
  (void) tunnel, (void) errnum_r, (void) words, (void) size;
  return 1;
}

static int
start_unix (struct msub_tunnel *tunnel, struct msub_error *err)
{
  struct sockaddr_un address = { .sun_family = AF_UNIX };
  const char *path = tunnel->options->place;
  if (strlen (path) >= sizeof address.sun_path)
    return msub_fail (err, MSUB_CONFIG, "The path of the socket is too long: %s", path);
  strcpy (address.sun_path, path);
  tunnel->fd = msub_net_socket (AF_UNIX);
  if (tunnel->fd < 0 || connect (tunnel->fd, (const struct sockaddr *) &address, sizeof address))
    return msub_fail_errno (err, MSUB_CONNECT, errno, "The socket %s cannot be reached", path);
  tunnel->step = unix_connected;
  return 0;
}

/* All of them */

struct msub_tunnel *
msub_tunnel_start (const struct msub_tunnel_options *options, const char *host, uint16_t port, struct msub_error *err)
{
  struct msub_tunnel *tunnel = calloc (1, sizeof *tunnel);
  if (!tunnel)
    {
      msub_fail (err, MSUB_INTERNAL, "Out of memory");
      return NULL;
    }
  *tunnel = (struct msub_tunnel) { .options = options, .host = host, .port = port, .fd = -1, .said_fd = -1, .pid = -1 };
  int failed = options->kind == MSUB_TUNNEL_SSH      ? start_ssh (tunnel, err)
               : options->kind == MSUB_TUNNEL_SOCKS5 ? start_socks (tunnel, err)
                                                     : start_unix (tunnel, err);
  if (failed)
    msub_tunnel_free (&tunnel);
  return tunnel;
}

void
msub_tunnel_free (struct msub_tunnel **tunnel)
{
  if (!*tunnel)
    return;
  if ((*tunnel)->fd >= 0)
    close ((*tunnel)->fd);
  if ((*tunnel)->said_fd >= 0)
    close ((*tunnel)->said_fd);
  if ((*tunnel)->pid > 0)
    {
      /* Its connection is gone, or lives on in other hands: an ssh that was not needed must not linger.  */
      if ((*tunnel)->fd >= 0)
        kill ((*tunnel)->pid, SIGTERM);
      msub_thread_start (reap, (void *) (intptr_t) (*tunnel)->pid);
    }
  msub_wipe (*tunnel, sizeof **tunnel);
  free (*tunnel);
  *tunnel = NULL;
}

struct pollfd
msub_tunnel_poll (const struct msub_tunnel *tunnel)
{
  if (tunnel->options->kind == MSUB_TUNNEL_SSH)
    return (struct pollfd) { .fd = tunnel->said_fd, .events = POLLIN };
  short events = tunnel->step == socks_connected ? POLLOUT : POLLIN;
  return (struct pollfd) { .fd = tunnel->fd, .events = events };
}

int
msub_tunnel_advance (struct msub_tunnel *tunnel, int *errnum_r, char *words, size_t size)
{
  *errnum_r = 0;
  int (*step) (struct msub_tunnel *, int *, char *, size_t);
  int outcome;
  do
    {
      step = tunnel->step;
      outcome = step (tunnel, errnum_r, words, size);
    }
  while (outcome == 0 && tunnel->step != step);
  return outcome;
}

int
msub_tunnel_take (struct msub_tunnel *tunnel)
{
  int fd = tunnel->fd;
  tunnel->fd = -1;
  return fd;
}
