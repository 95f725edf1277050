/* tunnel.c --- other ways to the server than a TCP connection from here: SSH, SOCKS5, a Unix socket.

   Floor 4.  SPDX-License-Identifier: GPL-3.0-or-later  */

#define _GNU_SOURCE
#include "tunnel.h"
#include "thread.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

static void
close_fd (int *fd)
{
  if (*fd >= 0)
    close (*fd);
  *fd = -1;
}

/* A program's words, line by line.  */
struct lines
{
  int fd;
  char line[512]; /* what there is of the one under way; the rest of a longer one is lost */
  size_t length;
};

struct msub_tunnel
{
  const struct msub_tunnel_options *options;
  const char *host;
  uint16_t port;
  int fd;                    /* the way itself */
  pid_t pid;                 /* SSH, and the leader of a process group */
  struct lines notes, words; /* SSH: its notes, and its (and its helpers') standard error */
  char notes_file[256];      /* where it finds the one for its notes: a FIFO in a directory of its own; "": no more */
  bool asked;                /* the far side has been asked for the port, or there is nobody to ask */
  bool open, failed;         /* SSH */
  int errnum;                /* once FAILED: as far as it was told */
  char last_note[200], last_words[200];
  int (*step) (struct msub_tunnel *tunnel, int *errnum_r, char *words, size_t size); /* what comes next */
  unsigned char reply[512];
  size_t reply_length;
};

/* SSH: `ssh -W host:port jump' joins its standard input and output to a connection that the jump host makes (direct-tcpip,
   RFC 4254 section 7.2).  What became of that connection is told only in the notes of -vv.  An ssh that it starts itself, to
   get to the jump host (ProxyJump), has its standard error, and says the same of its own connection: so the notes of ours have
   a way of their own, -E.  That takes the name of a file, and what waits for its lines is a FIFO.  */

static void
keep_words (char *dst, size_t size, const char *line)
{
  snprintf (dst, size, "%.*s", (int) size - 1, line);
}

static void
note_words (struct msub_tunnel *tunnel, const char *line)
{
  if (strncmp (line, "debug", 5) != 0)
    keep_words (tunnel->last_words, sizeof tunnel->last_words, line);
}

static void
note_failure (struct msub_tunnel *tunnel, const char *why)
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
  tunnel->failed = tunnel->asked = true;
  for (size_t i = 0; i < sizeof outcomes / sizeof *outcomes; i++)
    if (strstr (why, outcomes[i].words))
      tunnel->errnum = outcomes[i].errnum;
}

static void
note_line (struct msub_tunnel *tunnel, const char *line)
{
  int level = 0, channel = 0, n = 0;
  bool debug = sscanf (line, "debug%1d: %n", &level, &n) == 1 && n > 0;
  const char *note = debug ? line + n : line;
  /* After the reason it says only that there is no way.  */
  if (!debug && !tunnel->failed)
    keep_words (tunnel->last_note, sizeof tunnel->last_note, line);
  /* OpenSSH 6.3 and later.  */
  static const char request[] = "channel_connect_stdio_fwd";
  if (strncmp (note, request, sizeof request - 1) == 0)
    tunnel->asked = true;
  n = 0;
  if (sscanf (note, "channel %d: open %n", &channel, &n) != 1 || n == 0)
    return;
  if (strncmp (note + n, "confirm", 7) == 0)
    tunnel->open = true;
  else if (strncmp (note + n, "failed:", 7) == 0)
    note_failure (tunnel, note + n);
}

/* The FIFO's name has served its purpose.  */
static void
remove_name (struct msub_tunnel *tunnel)
{
  if (!tunnel->notes_file[0])
    return;
  unlink (tunnel->notes_file);
  *strrchr (tunnel->notes_file, '/') = '\0';
  rmdir (tunnel->notes_file);
  tunnel->notes_file[0] = '\0';
}

/* Hand each line that has come to NOTE.  */
static void
read_lines (struct msub_tunnel *tunnel, struct lines *lines, void (*note) (struct msub_tunnel *tunnel, const char *line))
{
  char octets[1024];
  ssize_t n = -1;
  while (lines->fd >= 0 && ((n = read (lines->fd, octets, sizeof octets)) > 0 || (n < 0 && errno == EINTR)))
    for (ssize_t i = 0; i < n; i++)
      {
        bool end = octets[i] == '\n' || octets[i] == '\r';
        if (!end && lines->length < sizeof lines->line - 1)
          lines->line[lines->length++] = octets[i];
        if (!end || lines->length == 0)
          continue;
        lines->line[lines->length] = '\0';
        lines->length = 0;
        note (tunnel, lines->line);
      }
  if (n == 0)
    close_fd (&lines->fd);
}

/* Its own end of the way goes with it.  */
static bool
ssh_ended (const struct msub_tunnel *tunnel)
{
  struct pollfd fd = { .fd = tunnel->fd };
  return poll (&fd, 1, 0) > 0 && (fd.revents & (POLLHUP | POLLERR));
}

static int
ssh_step (struct msub_tunnel *tunnel, int *errnum_r, char *words, size_t size)
{
  bool ended = ssh_ended (tunnel); /* first, so that nothing it said before is missed */
  read_lines (tunnel, &tunnel->notes, note_line);
  read_lines (tunnel, &tunnel->words, note_words);
  if (tunnel->asked)
    remove_name (tunnel);
  if (tunnel->open)
    return 1;
  if (!tunnel->failed && !ended)
    return 0;
  *errnum_r = tunnel->errnum;
  const char *last = tunnel->last_note[0] ? tunnel->last_note : tunnel->last_words;
  snprintf (words, size, "through ssh %.80s: %s", tunnel->options->place, last[0] ? last : "it said nothing");
  return -1;
}

#define ARGUMENTS 32

/* TARGET and ARGV hold what ssh is started with.  A connection that it shared with others (ControlMaster) would be another
   program's, which writes no notes; and a jump host that is gone is noticed as a server is.  */
static void
ssh_arguments (const struct msub_tunnel *tunnel, char *target, size_t size, const char *argv[ARGUMENTS])
{
  snprintf (target, size, strchr (tunnel->host, ':') ? "[%s]:%u" : "%s:%u", tunnel->host, (unsigned) tunnel->port);
  const char *const arguments[] = {
    "ssh", "-vv", "-E", tunnel->notes_file, "-o", "BatchMode=yes", "-o", "ClearAllForwardings=yes",
    "-o", "ControlMaster=no", "-o", "ControlPath=none", "-o", "ServerAliveInterval=20",
    "-W", target, "--", tunnel->options->place, NULL,
  };
  _Static_assert (sizeof arguments <= ARGUMENTS * sizeof *argv, "room for all arguments");
  memcpy (argv, arguments, sizeof arguments);
}

static const char *
variable (const struct msub_tunnel *tunnel, const char *name)
{
  char *const *environment = tunnel->options->environment ? tunnel->options->environment : environ;
  size_t length = strlen (name);
  for (; *environment; environment++)
    if (strncmp (*environment, name, length) == 0 && (*environment)[length] == '=')
      return *environment + length + 1;
  return NULL;
}

/* Make the FIFO for ssh's notes.  It is open for both, so that it never ends: ssh's own end is told otherwise.  */
static int
make_notes (struct msub_tunnel *tunnel)
{
  const char *directory = variable (tunnel, "TMPDIR");
  char name[sizeof tunnel->notes_file - 8];
  int length = snprintf (name, sizeof name, "%s/mew-submit-XXXXXX", directory && *directory ? directory : P_tmpdir);
  if (length < 0 || (size_t) length >= sizeof name)
    return ENAMETOOLONG;
  if (!mkdtemp (name))
    return errno;
  snprintf (tunnel->notes_file, sizeof tunnel->notes_file, "%s/notes", name);
  if (mkfifo (tunnel->notes_file, 0600)
      || (tunnel->notes.fd = open (tunnel->notes_file, O_RDWR | O_NONBLOCK | O_CLOEXEC)) < 0)
    {
      int saved = errno;
      remove_name (tunnel);
      return saved;
    }
  return 0;
}

/* Start ssh with STDIO for its standard input and output and SAID for its standard error.  Returns errno's value.  */
static int
spawn_ssh (struct msub_tunnel *tunnel, int stdio, int said)
{
  char target[300];
  const char *argv[ARGUMENTS];
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
  ssh_arguments (tunnel, target, sizeof target, argv);
  posix_spawn_file_actions_init (&actions);
  posix_spawn_file_actions_adddup2 (&actions, stdio, 0);
  posix_spawn_file_actions_adddup2 (&actions, stdio, 1);
  posix_spawn_file_actions_adddup2 (&actions, said, 2);
  /* This thread blocks all signals; ssh must not.  Its own process group keeps C-c in a terminal from it, and is ended as
     one.  */
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
  int failed = posix_spawnp (&tunnel->pid, options->program ? options->program : argv[0], &actions, &attributes,
                             (char *const *) (uintptr_t) argv, options->environment ? options->environment : environ);
  posix_spawnattr_destroy (&attributes);
  posix_spawn_file_actions_destroy (&actions);
  if (failed)
    tunnel->pid = -1;
  return failed;
}

static int
start_ssh (struct msub_tunnel *tunnel, struct msub_error *err)
{
  int stdio[2] = { -1, -1 }, said[2] = { -1, -1 };
  int failed = make_notes (tunnel);
  /* ssh expects descriptors that block.  */
  if (!failed
      && (msub_net_socket_pair (stdio) || msub_net_pipe (said) || msub_net_blocking (stdio[1])
          || msub_net_blocking (said[1])))
    failed = errno;
  if (!failed)
    failed = spawn_ssh (tunnel, stdio[1], said[1]);
  tunnel->fd = stdio[0];
  tunnel->words.fd = said[0];
  close_fd (&stdio[1]);
  close_fd (&said[1]);
  tunnel->step = ssh_step;
  return failed ? msub_fail_errno (err, MSUB_CONFIG, failed, "ssh cannot be started") : 0;
}

/* How long an ssh that was asked to end may take for it.  */
#define FAREWELL_TICKS 40
#define FAREWELL_TICK_NSECS 50000000

/* Somebody has to wait for a process, and to insist that it ends, and what it has started.  Until it is waited for, the number
   of its group is nobody else's.  */
static void
reap (void *arg)
{
  pid_t pid = (pid_t) (intptr_t) arg;
  siginfo_t ended = { 0 };
  for (int i = 0; i < FAREWELL_TICKS && ended.si_pid == 0; i++)
    {
      if (waitid (P_PID, (id_t) pid, &ended, WEXITED | WNOHANG | WNOWAIT))
        return;
      if (ended.si_pid == 0)
        nanosleep (&(struct timespec) { .tv_nsec = FAREWELL_TICK_NSECS }, NULL);
    }
  kill (-pid, SIGKILL);
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
  const unsigned char *r = tunnel->reply;
  int heard = socks_hear (tunnel, 2);
  if (heard > 0 && r[0] != 5)
    return socks_failed (tunnel, words, size, "does not speak SOCKS5");
  if (heard > 0 && r[1] != 0)
    {
      /* What follows a refusal is of no use, and some do not send it.  */
      int code = r[1] < sizeof failures / sizeof *failures ? r[1] : 1;
      *errnum_r = failures[code].errnum;
      return socks_failed (tunnel, words, size, failures[code].words);
    }
  if (heard > 0)
    heard = socks_hear (tunnel, 5);
  if (heard > 0)
    {
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
  enum { IPV4 = 1, NAME = 3, IPV6 = 4 };
  unsigned char request[4 + 1 + 255 + 2] = { 5, 1, 0, NAME };
  size_t n = strlen (tunnel->host), end;
  if (n > 255)
    return socks_failed (tunnel, words, size, "cannot be given a name that long");
  /* A proxy would look an address up that is called a name.  */
  if (inet_pton (AF_INET, tunnel->host, request + 4) == 1)
    request[3] = IPV4, end = 4 + sizeof (struct in_addr);
  else if (inet_pton (AF_INET6, tunnel->host, request + 4) == 1)
    request[3] = IPV6, end = 4 + sizeof (struct in6_addr);
  else
    {
      request[4] = (unsigned char) n;
      memcpy (request + 5, tunnel->host, n);
      end = 5 + n;
    }
  request[end] = (unsigned char) (tunnel->port >> 8);
  request[end + 1] = (unsigned char) tunnel->port;
  tunnel->reply_length = 0;
  tunnel->asked = true;
  tunnel->step = socks_reply;
  return socks_say (tunnel, request, end + 2) ? socks_failed (tunnel, words, size, "closed the connection") : 0;
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
  if (tunnel->reply[1] == 2)
    return socks_login (tunnel, words, size);
  bool login = tunnel->options->user && *tunnel->options->user;
  return socks_failed (tunnel, words, size,
                       login ? "takes no user name and password" : "wants a log-in: name a user, as in socks5:USER@...");
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
  tunnel->asked = true;
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
  *tunnel = (struct msub_tunnel) {
    .options = options, .host = host, .port = port, .fd = -1, .pid = -1, .notes.fd = -1, .words.fd = -1,
  };
  int failed = options->kind == MSUB_TUNNEL_SSH      ? start_ssh (tunnel, err)
               : options->kind == MSUB_TUNNEL_SOCKS5 ? start_socks (tunnel, err)
                                                     : start_unix (tunnel, err);
  if (failed)
    msub_tunnel_free (&tunnel);
  return tunnel;
}

/* ABRUPT: what it has taken and not sent on must not arrive.  */
static void
end_ssh (pid_t pid, bool abrupt)
{
  kill (-pid, SIGTERM);
  if (abrupt)
    kill (pid, SIGKILL);
  msub_thread_start (reap, (void *) (intptr_t) pid);
}

static void
end (struct msub_tunnel **tunnel, bool abrupt)
{
  if (!*tunnel)
    return;
  close_fd (&(*tunnel)->fd);
  close_fd (&(*tunnel)->notes.fd);
  close_fd (&(*tunnel)->words.fd);
  remove_name (*tunnel);
  if ((*tunnel)->pid > 0)
    end_ssh ((*tunnel)->pid, abrupt);
  msub_wipe (*tunnel, sizeof **tunnel);
  free (*tunnel);
  *tunnel = NULL;
}

void
msub_tunnel_free (struct msub_tunnel **tunnel)
{
  end (tunnel, false);
}

nfds_t
msub_tunnel_poll (const struct msub_tunnel *tunnel, struct pollfd fds[MSUB_TUNNEL_POLL_MAX])
{
  nfds_t count = 0;
  bool ssh = tunnel->options->kind == MSUB_TUNNEL_SSH;
  short events = ssh ? 0 : tunnel->step == socks_connected ? POLLOUT : POLLIN;
  fds[count++] = (struct pollfd) { .fd = tunnel->fd, .events = events };
  if (ssh)
    {
      fds[count++] = (struct pollfd) { .fd = tunnel->notes.fd, .events = POLLIN };
      fds[count++] = (struct pollfd) { .fd = tunnel->words.fd, .events = POLLIN };
    }
  return count;
}

bool
msub_tunnel_asked (const struct msub_tunnel *tunnel)
{
  return tunnel->asked;
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
  close_fd (&tunnel->notes.fd);
  close_fd (&tunnel->words.fd);
  return fd;
}

static void
end_companion (void *tunnel, bool abrupt)
{
  struct msub_tunnel *t = tunnel;
  end (&t, abrupt);
}

void
msub_tunnel_carry (struct msub_tunnel **tunnel, struct msub_connection *c)
{
  if (!c)
    msub_tunnel_free (tunnel);
  if (!*tunnel)
    return;
  c->companion = *tunnel;
  c->companion_end = end_companion;
  *tunnel = NULL;
}
