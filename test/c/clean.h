/* clean.h --- a second opinion on what is safe to show, written apart from msub_text_clean.

   SPDX-License-Identifier: GPL-3.0-or-later  */

#ifndef MSUB_CLEAN_H
#define MSUB_CLEAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Characters that no text from the wire may bring to the screen (SECURITY: L1, L2).  */
static inline bool
clean_character (uint32_t c)
{
  static const struct { uint32_t first, last; } hidden[] = {
    { 0x00, 0x1F },     { 0x7F, 0x9F },     { 0xAD, 0xAD },     { 0x61C, 0x61C },
    { 0x180E, 0x180E }, { 0x200B, 0x200F }, { 0x2028, 0x202E }, { 0x2060, 0x206F },
    { 0xFEFF, 0xFEFF }, { 0xFFF0, 0xFFFB }, { 0xFFFE, 0xFFFF }, { 0xE0000, 0xE0FFF },
  };
  for (size_t i = 0; i < sizeof hidden / sizeof *hidden; i++)
    if (c >= hidden[i].first && c <= hidden[i].last)
      return false;
  return true;
}

/* The length of the well-formed UTF-8 sequence that S (N octets, at least one) begins with, by the
   table of RFC 3629 section 4; 0 for none.  */
static inline size_t
clean_sequence (const unsigned char *s, size_t n, uint32_t *c_r)
{
  static const struct
  {
    unsigned char lead_first, lead_last, second_first, second_last, length;
  } forms[] = {
    { 0x00, 0x7F, 0x00, 0x00, 1 }, { 0xC2, 0xDF, 0x80, 0xBF, 2 }, { 0xE0, 0xE0, 0xA0, 0xBF, 3 },
    { 0xE1, 0xEC, 0x80, 0xBF, 3 }, { 0xED, 0xED, 0x80, 0x9F, 3 }, { 0xEE, 0xEF, 0x80, 0xBF, 3 },
    { 0xF0, 0xF0, 0x90, 0xBF, 4 }, { 0xF1, 0xF3, 0x80, 0xBF, 4 }, { 0xF4, 0xF4, 0x80, 0x8F, 4 },
  };
  static const unsigned char lead_mask[] = { 0, 0x7F, 0x1F, 0x0F, 0x07 };
  for (size_t f = 0; f < sizeof forms / sizeof *forms; f++)
    {
      size_t length = forms[f].length;
      if (s[0] < forms[f].lead_first || s[0] > forms[f].lead_last || length > n)
        continue;
      if (length > 1 && (s[1] < forms[f].second_first || s[1] > forms[f].second_last))
        continue;
      uint32_t c = s[0] & lead_mask[length];
      size_t i = 1;
      for (; i < length && s[i] >= 0x80 && s[i] <= 0xBF; i++)
        c = c * 64 + (s[i] - 0x80u);
      if (i < length)
        continue;
      *c_r = c;
      return length;
    }
  return 0;
}

/* Are the N octets of TEXT well-formed UTF-8, all of it safe to show?  */
static inline bool
clean_text (const char *text, size_t n)
{
  const unsigned char *s = (const unsigned char *) text;
  for (size_t i = 0, length; i < n; i += length)
    {
      uint32_t c = 0;
      length = clean_sequence (s + i, n - i, &c);
      if (length == 0 || !clean_character (c))
        return false;
    }
  return true;
}

#endif
