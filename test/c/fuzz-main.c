/* fuzz-main.c --- drive a fuzzer where there is no libFuzzer.
   usage: fuzz-NAME [SECONDS] FILE-OR-DIRECTORY...
   Replays each file (in a directory: those in it), then for SECONDS (0 by default) inputs made of
   them by chance, the same ones in each run.  Ends with a line `N inputs'.
   SPDX-License-Identifier: GPL-3.0-or-later  */

#define _POSIX_C_SOURCE 200809L
#include "fuzz.h"

#include <dirent.h>
#include <stdbool.h>
#include <string.h>
#include <time.h>

enum { SEEDS_MAX = 4096, SIZE_LARGEST = 65536 };

static struct { uint8_t *data; size_t n; } seeds[SEEDS_MAX];
static size_t seed_count;
static unsigned long runs;
static bool failed;

/* Run a copy of the very size, so that a sanitizer sees one octet too many being read.  */
static void
run (const uint8_t *data, size_t n)
{
  uint8_t *copy = malloc (n ? n : 1);
  MUST (copy != NULL);
  memcpy (copy, data, n);
  LLVMFuzzerTestOneInput (copy, n);
  free (copy);
  runs++;
}

static void
replay_file (const char *name)
{
  static uint8_t data[SIZE_LARGEST];
  FILE *file = fopen (name, "rb");
  size_t n = file ? fread (data, 1, sizeof data, file) : 0;
  bool bad = !file || ferror (file);
  if (file)
    fclose (file);
  if (bad)
    {
      printf ("not ok - %s: cannot be read\n", name);
      failed = true;
      return;
    }
  run (data, n);
  printf ("ok - %s\n", name);
  uint8_t *kept = seed_count < SEEDS_MAX ? malloc (n ? n : 1) : NULL;
  if (kept)
    {
      memcpy (kept, data, n);
      seeds[seed_count].data = kept;
      seeds[seed_count++].n = n;
    }
}

static void
replay (const char *name)
{
  DIR *directory = opendir (name);
  if (!directory)
    {
      replay_file (name);
      return;
    }
  for (struct dirent *entry; (entry = readdir (directory));)
    if (entry->d_name[0] != '.')
      {
        char path[4096];
        snprintf (path, sizeof path, "%s/%s", name, entry->d_name);
        replay_file (path);
      }
  closedir (directory);
}

/* A number below LIMIT, by Marsaglia's xorshift.  */
static size_t
chance (size_t limit)
{
  static uint64_t state = 0x9E3779B97F4A7C15u;
  state ^= state << 13;
  state ^= state >> 7;
  state ^= state << 17;
  return (size_t) (state >> 11) % limit;
}

/* Change the N octets of DATA in one place: overwrite, take out, put in, or go on with another
   seed.  Returns how many there are now.  */
static size_t
mutate (uint8_t *data, size_t n)
{
  static const char likely[] = "\r\n.- 250\t\0\xFF=AS";
  size_t at = chance (n + 1), other = chance (seed_count);
  uint8_t octet = (uint8_t) (chance (2) ? likely[chance (sizeof likely)] : (char) chance (256));
  switch (chance (4))
    {
    case 0:
      if (at < n)
        data[at] = octet;
      return n;
    case 1:
      if (at == n)
        return n;
      memmove (data + at, data + at + 1, n - at - 1);
      return n - 1;
    case 2:
      if (n == SIZE_LARGEST)
        return n;
      memmove (data + at + 1, data + at, n - at);
      data[at] = octet;
      return n + 1;
    default:
      {
        size_t from = chance (seeds[other].n + 1), length = seeds[other].n - from;
        length = length < SIZE_LARGEST - at ? length : SIZE_LARGEST - at;
        memcpy (data + at, seeds[other].data + from, length);
        return at + length;
      }
    }
}

static void
make_inputs (double seconds)
{
  static uint8_t data[SIZE_LARGEST];
  struct timespec start, now;
  clock_gettime (CLOCK_MONOTONIC, &start);
  now = start;
  while (seed_count > 0 && difftime (now.tv_sec, start.tv_sec) < seconds)
    {
      size_t s = chance (seed_count), n = seeds[s].n;
      memcpy (data, seeds[s].data, n);
      for (size_t i = 1 + chance (8); i > 0; i--)
        n = mutate (data, n);
      run (data, n);
      clock_gettime (CLOCK_MONOTONIC, &now);
    }
}

int
main (int argc, char **argv)
{
  char *end = NULL;
  int first = 1;
  double seconds = argc > 1 ? strtod (argv[1], &end) : 0;
  if (end && end != argv[1] && *end == '\0')
    first = 2;
  else
    seconds = 0;
  for (int i = first; i < argc; i++)
    replay (argv[i]);
  make_inputs (seconds);
  for (size_t i = 0; i < seed_count; i++)
    free (seeds[i].data);
  printf ("%lu inputs\n", runs);
  return failed;
}
