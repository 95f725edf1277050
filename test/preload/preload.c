/* preload.c --- what a process asks of the disk and of the network, in order; and a file replaced at the worst time.

   Loaded into a program with LD_PRELOAD.  The environment says:
     PRELOAD_LOG      a file that gets a line for each of write, fsync, fdatasync, send and getaddrinfo: the
                      call, the file (- for what has no name), and the last octets that it was given, in hexadecimal
     PRELOAD_IPV4     what a look-up for an IPv4 address of a name comes to: a number, an EAI_ value
     PRELOAD_IPV6     the same for IPv6
     PRELOAD_NO_SYNC  anything: fsync of a directory fails by EINVAL, as where a file system has none
     PRELOAD_REPLACE  a file: just before the first flock of it, FILE.new is renamed to it
   Of write only those are noted that go to a file, of send all.  The threads' calls are in the order in which they
   were made, since each line is written before the call.

   SPDX-License-Identifier: GPL-3.0-or-later  */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define PUBLIC __attribute__ ((visibility ("default")))
#define TAIL 12

/* The function NAME of whoever comes after us.  */
#define NEXT(name) \
  static __typeof__ (&name) next; \
  if (!next) \
    next = (__typeof__ (&name)) dlsym (RTLD_NEXT, #name)

static ssize_t
real_write (int fd, const void *octets, size_t n)
{
  NEXT (write);
  return next (fd, octets, n);
}

/* What FD is a file of, or "-".  */
static void
name_of (int fd, char *name, size_t size)
{
  char link[40];
  snprintf (link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t n = readlink (link, name, size - 1);
  name[n > 0 ? n : 0] = '\0';
  if (name[0] != '/')
    snprintf (name, size, "-");
}

static void
note (const char *call, const char *name, const void *octets, size_t n)
{
  const char *log = getenv ("PRELOAD_LOG");
  int fd = log ? open (log, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600) : -1;
  if (fd < 0)
    return;
  char tail[2 * TAIL + 1] = "", line[5000];
  size_t kept = n < TAIL ? n : TAIL;
  for (size_t i = 0; i < kept; i++)
    snprintf (tail + 2 * i, 3, "%02x", ((const unsigned char *) octets)[n - kept + i]);
  int length = snprintf (line, sizeof line, "%s %s %s\n", call, name, tail);
  if (length > 0)
    real_write (fd, line, (size_t) length < sizeof line ? (size_t) length : sizeof line);
  close (fd);
}

static void
note_fd (const char *call, int fd, const void *octets, size_t n)
{
  char name[4096];
  if (!getenv ("PRELOAD_LOG"))
    return;
  name_of (fd, name, sizeof name);
  if (name[0] == '/' || strcmp (call, "send") == 0)
    note (call, name, octets, n);
}

PUBLIC ssize_t
write (int fd, const void *octets, size_t n)
{
  note_fd ("write", fd, octets, n);
  return real_write (fd, octets, n);
}

PUBLIC int
fsync (int fd)
{
  NEXT (fsync);
  note_fd ("sync", fd, "", 0);
  struct stat stat;
  if (getenv ("PRELOAD_NO_SYNC") && fstat (fd, &stat) == 0 && S_ISDIR (stat.st_mode))
    {
      errno = EINVAL;
      return -1;
    }
  return next (fd);
}

PUBLIC int
fdatasync (int fd)
{
  NEXT (fdatasync);
  note_fd ("sync", fd, "", 0);
  return next (fd);
}

PUBLIC ssize_t
send (int fd, const void *octets, size_t n, int flags)
{
  NEXT (send);
  note_fd ("send", fd, octets, n);
  return next (fd, octets, n, flags);
}

PUBLIC int
getaddrinfo (const char *host, const char *service, const struct addrinfo *hints, struct addrinfo **list)
{
  NEXT (getaddrinfo);
  note ("look-up", host ? host : "-", "", 0);
  const char *failure = getenv (hints && hints->ai_family == AF_INET6 ? "PRELOAD_IPV6" : "PRELOAD_IPV4");
  if (failure && hints && !(hints->ai_flags & AI_NUMERICHOST))
    return atoi (failure);
  return next (host, service, hints, list);
}

PUBLIC int
flock (int fd, int operation)
{
  NEXT (flock);
  static bool replaced;
  const char *file = getenv ("PRELOAD_REPLACE");
  char name[4096], new[4200];
  name_of (fd, name, sizeof name);
  if (file && !replaced && strcmp (name, file) == 0)
    {
      replaced = true;
      snprintf (new, sizeof new, "%s.new", file);
      rename (new, file);
    }
  return next (fd, operation);
}
