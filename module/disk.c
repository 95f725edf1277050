/* disk.c --- what must survive a crash: lines at the end of a journal; and who works on a file.

   Floor 1.  SPDX-License-Identifier: GPL-3.0-or-later  */

#define _GNU_SOURCE
#include "disk.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
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

/* A new name is on the disk when its directory is.  */
static int
sync_directory_of (const char *file)
{
  char *copy = strdup (file);
  int fd = copy ? open (dirname (copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
  int result = fd < 0 ? -1 : fsync (fd);
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

/* Does FILE still name what FD is?  It may have been deleted, or replaced, before the lock was had.  */
static bool
still_named (int fd, const char *file)
{
  struct stat mine, named;
  return fstat (fd, &mine) == 0 && lstat (file, &named) == 0 && mine.st_dev == named.st_dev && mine.st_ino == named.st_ino;
}

int
msub_disk_lock (const char *file, struct msub_error *err)
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

void
msub_disk_unlock (int fd)
{
  /* Not by close alone: a child that has been forked and not yet executed holds the lock, too.  */
  flock (fd, LOCK_UN);
  close (fd);
}
