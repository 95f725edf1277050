/* der.c --- a few lines of DER for what GnuTLS checks too well to encode, or not at all.

   SPDX-License-Identifier: GPL-3.0-or-later  */

#define _GNU_SOURCE
#include "peer.h"

#include <stdlib.h>
#include <string.h>

void
der_append (struct der *d, const void *p, size_t n)
{
  if (n == 0)
    return;
  d->p = need (realloc (d->p, d->n + n));
  memcpy (d->p + d->n, p, n);
  d->n += n;
}

void
der_wrap (struct der *d, size_t from, uint8_t tag)
{
  size_t n = d->n - from;
  uint8_t head[6] = { tag };
  size_t head_n = 2;
  if (n < 0x80)
    head[1] = (uint8_t) n;
  else
    {
      size_t octets = n < 0x100 ? 1 : n < 0x10000 ? 2 : 3;
      head[1] = (uint8_t) (0x80 | octets);
      for (size_t i = 0; i < octets; i++)
        head[head_n++] = (uint8_t) (n >> 8 * (octets - 1 - i));
    }
  der_append (d, head, head_n);
  memmove (d->p + from + head_n, d->p + from, n);
  memcpy (d->p + from, head, head_n);
}

void
der_element (struct der *d, uint8_t tag, const void *p, size_t n)
{
  size_t from = d->n;
  der_append (d, p, n);
  der_wrap (d, from, tag);
}
