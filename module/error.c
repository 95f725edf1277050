/* error.c --- error kinds and their names, text that is safe to show, wiping.

   Floor 0.  SPDX-License-Identifier: GPL-3.0-or-later  */

#define _GNU_SOURCE
#include "error.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const kind_names[] = {
  "ok",       "host",    "resolver", "connect",   "no-login",  "tls",     "insecure", "auth",     "refused",
  "deferred", "protocol", "timeout", "lost",      "cancelled", "uncertain", "message", "config",  "internal",
};
_Static_assert (sizeof kind_names / sizeof *kind_names == MSUB_KINDS, "a name for each kind");

const char *
msub_kind_name (enum msub_kind kind)
{
  return (unsigned) kind < MSUB_KINDS ? kind_names[kind] : "internal";
}

/* The C library's names and words for errno values.  glibc 2.32 has functions that are safe in
   threads and do not translate; elsewhere the names are those that connecting, reading and writing
   can meet.  */
#if defined __GLIBC__ && (__GLIBC__ > 2 || __GLIBC_MINOR__ >= 32) && !defined MSUB_PORTABLE
static const char *
system_errno_name (int errnum)
{
  return errnum != 0 ? strerrorname_np (errnum) : NULL;
}

static const char *
system_errno_words (int errnum, char *buf, size_t size)
{
  (void) buf, (void) size;
  return strerrordesc_np (errnum);
}
#else
static const char *
system_errno_name (int errnum)
{
#define NAME(e) { e, #e }
  static const struct { int errnum; const char *name; } names[] = {
    NAME (EACCES), NAME (EADDRINUSE), NAME (EADDRNOTAVAIL), NAME (EAFNOSUPPORT), NAME (EAGAIN),
    NAME (EBADF), NAME (ECONNABORTED), NAME (ECONNREFUSED), NAME (ECONNRESET), NAME (EHOSTDOWN),
    NAME (EHOSTUNREACH), NAME (EINPROGRESS), NAME (EINTR), NAME (EINVAL), NAME (EIO), NAME (EISDIR),
    NAME (EMFILE), NAME (EMSGSIZE), NAME (ENETDOWN), NAME (ENETUNREACH), NAME (ENFILE),
    NAME (ENOBUFS), NAME (ENOENT), NAME (ENOMEM), NAME (ENOPROTOOPT), NAME (ENOSYS),
    NAME (ENOTCONN), NAME (EOPNOTSUPP), NAME (EPERM), NAME (EPIPE), NAME (EPROTO),
    NAME (EPROTONOSUPPORT), NAME (ETIMEDOUT),
#ifdef ENONET
    NAME (ENONET),
#endif
  };
#undef NAME
  for (size_t i = 0; i < sizeof names / sizeof *names; i++)
    if (names[i].errnum == errnum)
      return names[i].name;
  return NULL;
}

static const char *
system_errno_words (int errnum, char *buf, size_t size)
{
#ifdef __GLIBC__
  return strerror_r (errnum, buf, size);
#else
  return strerror_r (errnum, buf, size) == 0 ? buf : NULL;
#endif
}
#endif

/* What is put together is larger than what is kept, so that a text too long is cut by msub_text_clean, with its dots, and
   never in the middle of a character.  */
#define RAW_MAX (2 * MSUB_TEXT_MAX)

__attribute__ ((format (printf, 3, 0))) static size_t
format_raw (char *raw, size_t size, const char *format, va_list args)
{
  int n = vsnprintf (raw, size, format, args);
  return n < 0 ? 0 : (size_t) n < size ? (size_t) n : size - 1;
}

size_t
msub_text_format (char *dst, size_t size, const char *format, ...)
{
  char raw[RAW_MAX];
  va_list args;
  va_start (args, format);
  size_t length = format_raw (raw, sizeof raw, format, args);
  va_end (args);
  return msub_text_clean (dst, size, raw, length);
}

__attribute__ ((format (printf, 4, 0))) static void
set (struct msub_error *err, enum msub_kind kind, const char *suffix, const char *format,
     va_list args)
{
  char raw[RAW_MAX];
  size_t length = format_raw (raw, sizeof raw, format, args);
  if (suffix)
    {
      int n = snprintf (raw + length, sizeof raw - length, ": %s", suffix);
      if (n > 0)
        length += (size_t) n < sizeof raw - length ? (size_t) n : sizeof raw - length - 1;
    }
  err->kind = kind;
  msub_text_clean (err->text, sizeof err->text, raw, length);
}

int
msub_fail (struct msub_error *err, enum msub_kind kind, const char *format, ...)
{
  if (err->kind != MSUB_OK)
    return -1;
  va_list args;
  va_start (args, format);
  set (err, kind, NULL, format, args);
  va_end (args);
  return -1;
}

bool
msub_errno_passes (int errnum)
{
  return errnum == EMFILE || errnum == ENFILE || errnum == ENOMEM || errnum == EIO
         /* What a home on another machine says while that is away: NFS, CIFS, sshfs.  */
         || errnum == ESTALE || errnum == ETIMEDOUT || errnum == EHOSTDOWN || errnum == ENOTCONN;
}

int
msub_fail_errno (struct msub_error *err, enum msub_kind kind, int errnum, const char *format, ...)
{
  if (err->kind != MSUB_OK)
    return -1;
  if ((kind == MSUB_MESSAGE || kind == MSUB_CONFIG) && msub_errno_passes (errnum))
    kind = MSUB_INTERNAL;
  char buf[128];
  const char *words = system_errno_words (errnum, buf, sizeof buf);
  va_list args;
  va_start (args, format);
  set (err, kind, words ? words : "unknown error", format, args);
  va_end (args);
  return -1;
}

void
msub_error_add (struct msub_error *err, const char *sentence)
{
  char whole[MSUB_TEXT_MAX];
  size_t length = strlen (err->text);
  bool ended = length > 0 && strchr (".!?", err->text[length - 1]);
  msub_text_format (whole, sizeof whole, "%s%s %s", err->text, ended ? "" : ".", sentence);
  memcpy (err->text, whole, strlen (whole) + 1);
}

/* Decode one UTF-8 sequence of at most N octets.  Returns its length, or 0 where it is not
   well-formed (RFC 3629: no overlong forms, no surrogates, nothing above U+10FFFF).  */
static size_t
decode (const unsigned char *s, size_t n, uint32_t *c_r)
{
  static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
  if (s[0] < 0x80)
    {
      *c_r = s[0];
      return 1;
    }
  size_t length = s[0] >= 0xF0 && s[0] < 0xF5 ? 4 : s[0] >= 0xE0 && s[0] < 0xF0 ? 3
                  : s[0] >= 0xC2 && s[0] < 0xE0 ? 2 : 0;
  if (length == 0 || length > n)
    return 0;
  uint32_t c = s[0] & (0x7Fu >> length);
  for (size_t i = 1; i < length; i++)
    {
      if ((s[i] & 0xC0) != 0x80)
        return 0;
      c = c << 6 | (s[i] & 0x3Fu);
    }
  if (c < least[length] || c > 0x10FFFF || (c >= 0xD800 && c <= 0xDFFF))
    return 0;
  *c_r = c;
  return length;
}

static bool
showable (uint32_t c)
{
  if (c < 0x20 || (c >= 0x7F && c < 0xA0))
    return false;
  if (c == 0xAD || c == 0x61C || c == 0x180E || c == 0xFEFF || c == 0xFFFE || c == 0xFFFF)
    return false;
  if ((c >= 0x200B && c <= 0x200F) || (c >= 0x2028 && c <= 0x202E) || (c >= 0x2060 && c <= 0x206F))
    return false;
  return !(c >= 0xE0000 && c <= 0xE0FFF) && !(c >= 0xFFF0 && c <= 0xFFFB);
}

size_t
msub_text_clean (char *dst, size_t size, const char *src, size_t n)
{
  static const char replacement[] = "\xEF\xBF\xBD", more[] = "...";
  const unsigned char *s = (const unsigned char *) src;
  size_t out = 0, cut = 0; /* CUT: the last edge with room for the dots */
  for (size_t i = 0; i < n;)
    {
      uint32_t c = 0;
      size_t length = decode (s + i, n - i, &c);
      bool keep = length > 0 && showable (c);
      const char *piece = keep ? src + i : replacement;
      size_t piece_length = keep ? length : sizeof replacement - 1;
      if (out + sizeof more <= size)
        cut = out;
      if (out + piece_length >= size)
        {
          out = cut;
          for (const char *p = more; *p && out + 1 < size; p++)
            dst[out++] = *p;
          break;
        }
      memcpy (dst + out, piece, piece_length);
      out += piece_length;
      i += length > 0 ? length : 1;
    }
  dst[out] = '\0';
  return out;
}

bool
msub_text_is_utf8 (const char *src, size_t n)
{
  size_t length = 1;
  for (size_t i = 0; i < n && length > 0; i += length)
    {
      uint32_t c;
      length = decode ((const unsigned char *) src + i, n - i, &c);
    }
  return length > 0;
}

char
msub_text_upper (char c)
{
  return c >= 'a' && c <= 'z' ? (char) (c - 'a' + 'A') : c;
}

bool
msub_text_alike (const char *a, const char *b, size_t n)
{
  size_t i = 0;
  while (i < n && a[i] && msub_text_upper (a[i]) == msub_text_upper (b[i]))
    i++;
  return i == n || (!a[i] && !b[i]);
}

const char *
msub_text_find (const char *text, const char *word)
{
  size_t n = strlen (word);
  for (; !msub_text_alike (text, word, n); text++)
    if (!*text)
      return NULL;
  return text;
}

size_t
msub_text_octets (char *dst, size_t size, const char *src, size_t n)
{
  char wide[3 * MSUB_TEXT_MAX];
  size_t length = 0;
  for (size_t i = 0; i < n && length + 3 <= sizeof wide; i++)
    {
      unsigned char octet = (unsigned char) src[i];
      if (octet < 0x80)
        wide[length++] = src[i];
      else
        {
          wide[length++] = '\xEF';
          wide[length++] = (char) (0x9C | octet >> 6);
          wide[length++] = (char) (0x80 | (octet & 0x3F));
        }
    }
  return msub_text_clean (dst, size, wide, length);
}

const char *
msub_errno_name (int errnum, char *buf)
{
  const char *name = system_errno_name (errnum);
  if (name)
    return name;
  snprintf (buf, 16, "E%d", errnum);
  return buf;
}

void
msub_wipe (void *p, size_t n)
{
#if defined __APPLE__ || defined __NetBSD__
  /* No explicit_bzero there; a call through a volatile pointer cannot be dropped either.  */
  static void *(*const volatile fill) (void *, int, size_t) = memset;
  if (p)
    fill (p, 0, n);
#else
  if (p)
    explicit_bzero (p, n);
#endif
}

void
msub_wipe_free (char **p)
{
  if (*p)
    {
      msub_wipe (*p, strlen (*p));
      free (*p);
      *p = NULL;
    }
}
