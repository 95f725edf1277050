/* disk.c --- what must survive a crash: a message, and lines at the end of a journal; and who works on a file.

   Floor 1.  SPDX-License-Identifier: GPL-3.0-or-later  */

#define _GNU_SOURCE
#include "disk.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

/* macOS has no fdatasync that it declares.  */
static int
sync_data (int fd)
{
#ifdef __APPLE__
  return fsync (fd);
#else
  return fdatasync (fd);
#endif
}

/* Some file systems, as those of shared folders and AFS, have no fsync for a directory: they do what they can.  */
static int
sync_all (int fd)
{
  struct stat stat;
  int failed = fsync (fd);
  return failed && errno == EINVAL && fstat (fd, &stat) == 0 && S_ISDIR (stat.st_mode) ? 0 : failed;
}

/* A new name is on the disk when its directory is.  */
static int
sync_directory_of (const char *file)
{
  char *copy = strdup (file);
  int fd = copy ? open (dirname (copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
  int result = fd < 0 ? -1 : sync_all (fd);
  int saved = errno;
  if (fd >= 0)
    close (fd);
  free (copy);
  errno = saved;
  return result;
}

static int
write_all (int fd, const char *octets, size_t n)
{
  for (size_t done = 0; done < n;)
    {
      ssize_t put = write (fd, octets + done, n - done);
      if (put < 0 && errno != EINTR)
        return -1;
      done += put > 0 ? (size_t) put : 0;
    }
  return 0;
}

/* Has a crash left a line without its end in FD, which has SIZE octets?  */
static bool
cut_off (int fd, off_t size)
{
  char last = '\n';
  return size > 0 && pread (fd, &last, 1, size - 1) == 1 && last != '\n';
}

static int
append_lines (int fd, const char *file, const char *lines)
{
  struct stat stat;
  if (fstat (fd, &stat))
    return -1;
  if (!S_ISREG (stat.st_mode))
    {
      errno = EINVAL;
      return -1;
    }
  if ((cut_off (fd, stat.st_size) && write_all (fd, "\n", 1)) || write_all (fd, lines, strlen (lines)) || sync_data (fd)
      || (stat.st_size == 0 && sync_directory_of (file)))
    {
      int saved = errno;
      if (ftruncate (fd, stat.st_size) == 0)
        sync_data (fd);
      errno = saved;
      return -1;
    }
  return 0;
}

int
msub_disk_append (const char *file, const char *lines, struct msub_error *err)
{
  /* O_NONBLOCK: a pipe in its place must not keep us waiting.  O_RDWR: to see its last octet.  */
  int fd = open (file, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
  int failed = fd < 0 || append_lines (fd, file, lines);
  int saved = errno;
  if (fd >= 0)
    close (fd);
  return failed ? msub_fail_errno (err, MSUB_INTERNAL, saved, "The journal %s cannot be written", file) : 0;
}

ssize_t
msub_disk_read (int in, void *buf, size_t n, bool (*stop) (void *arg), void *arg)
{
  for (;;)
    {
      /* STOP is to be asked while we wait.  What cannot be polled, such as a file, is always readable.  */
      int ready = poll (&(struct pollfd) { .fd = in, .events = POLLIN }, 1, 250);
      int errnum = errno;
      if (stop (arg))
        {
          errno = 0;
          return -1;
        }
      if (ready == 0 || (ready < 0 && errnum == EINTR))
        continue;
      /* Whoever started us may have left it non-blocking.  */
      ssize_t got = read (in, buf, n);
      if (got >= 0 || (errno != EINTR && errno != EAGAIN && errno != EWOULDBLOCK))
        return got;
    }
}

/* Copy IN to OUT until its end.  Returns the octets, or -1: errno, or 0 in it when STOP said so; and in *READS whether it is
   IN that went wrong.  */
static intmax_t
copy_descriptor (int in, int out, bool (*stop) (void *arg), void *arg, bool *reads)
{
  char block[65536];
  intmax_t total = 0;
  ssize_t n;
  while ((n = msub_disk_read (in, block, sizeof block, stop, arg)) > 0)
    {
      if (write_all (out, block, (size_t) n))
        return -1;
      total += n;
    }
  *reads = n < 0;
  return n < 0 ? -1 : total;
}

intmax_t
msub_disk_spool (int in, const char *file, bool (*stop) (void *arg), void *arg, struct msub_error *err)
{
  int out = open (file, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
  bool reads = false;
  intmax_t total = out < 0 ? -1 : copy_descriptor (in, out, stop, arg, &reads);
  if (total >= 0 && fsync (out))
    total = -1;
  int saved = errno;
  if (out >= 0)
    close (out);
  /* A directory will be one the next time, too.  */
  if (total < 0 && saved && reads)
    msub_fail_errno (err, saved == EISDIR ? MSUB_CONFIG : MSUB_INTERNAL, saved, "Standard input cannot be read");
  else if (total < 0 && saved)
    msub_fail_errno (err, MSUB_INTERNAL, saved, "Standard input cannot be written to %s", file);
  return total;
}

int
msub_disk_sync (const char *file, struct msub_error *err)
{
  int fd = open (file, O_RDONLY | O_CLOEXEC);
  int failed = fd < 0 || sync_all (fd);
  int saved = errno;
  if (fd >= 0)
    close (fd);
  return failed ? msub_fail_errno (err, MSUB_INTERNAL, saved, "%s cannot be put on disk", file) : 0;
}

/* Locks */

#define LOCKS_MAX 256 /* far below what a process may have open */

struct msub_locks
{
  intmax_t last;
  struct
  {
    intmax_t handle; /* 0: free */
    int fd;
  } all[LOCKS_MAX];
};

struct msub_locks *
msub_locks_new (void)
{
  return calloc (1, sizeof (struct msub_locks));
}

/* Does FILE still name what FD is?  It may have been deleted, or replaced, before the lock was had.  */
static bool
still_named (int fd, const char *file)
{
  struct stat mine, named;
  return fstat (fd, &mine) == 0 && lstat (file, &named) == 0 && mine.st_dev == named.st_dev && mine.st_ino == named.st_ino;
}

/* The descriptor that holds the lock, or -1; as msub_locks_take.  */
static int
lock (const char *file, struct msub_error *err)
{
  int fd = open (file, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
  if (fd < 0)
    return errno == ENOENT ? -1 : msub_fail_errno (err, MSUB_INTERNAL, errno, "%s cannot be opened", file);
  int failed;
  do
    failed = flock (fd, LOCK_EX | LOCK_NB);
  while (failed && errno == EINTR);
  if (!failed && still_named (fd, file))
    return fd;
  if (failed && errno != EWOULDBLOCK)
    msub_fail_errno (err, MSUB_INTERNAL, errno, "%s cannot be locked", file);
  close (fd);
  return -1;
}

intmax_t
msub_locks_take (struct msub_locks *locks, const char *file, struct msub_error *err)
{
  size_t place = 0;
  while (place < LOCKS_MAX && locks->all[place].handle)
    place++;
  int fd = place < LOCKS_MAX ? lock (file, err) : msub_fail (err, MSUB_INTERNAL, "%d files are locked already", LOCKS_MAX);
  if (fd < 0)
    return 0;
  locks->all[place].handle = ++locks->last;
  locks->all[place].fd = fd;
  return locks->last;
}

bool
msub_locks_give_up (struct msub_locks *locks, intmax_t handle)
{
  size_t place = 0;
  while (place < LOCKS_MAX && locks->all[place].handle != handle)
    place++;
  if (handle <= 0 || place == LOCKS_MAX)
    return false;
  int fd = locks->all[place].fd;
  locks->all[place].handle = 0;
  /* Not by close alone: a child that has been forked and not yet executed holds the lock, too.  */
  flock (fd, LOCK_UN);
  close (fd);
  return true;
}
