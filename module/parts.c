/* parts.c --- how much a server takes at once, and in a session (RFC 9422).

   Floor 6.  SPDX-License-Identifier: GPL-3.0-or-later  */

#define _GNU_SOURCE
#include "parts.h"

#include <stdint.h>
#include <string.h>

static const char *
domain_of (const char *address)
{
  const char *at = strrchr (address, '@');
  return at ? at + 1 : "";
}

/* Is RECIPIENTS[I]'s domain none of those before it?  */
static bool
new_domain (char *const *recipients, size_t i)
{
  for (size_t j = 0; j < i; j++)
    if (msub_text_alike (domain_of (recipients[i]), domain_of (recipients[j]), SIZE_MAX))
      return false;
  return true;
}

/* How many of ENVELOPE's recipients from FIRST on the server takes at once, MOST at most.  They stay in their order.  */
static size_t
part_size (const struct msub_smtp *smtp, const struct msub_envelope *envelope, size_t first, size_t most)
{
  const struct msub_capabilities *caps = &smtp->caps;
  size_t count = 0;
  if (caps->recipients_max && caps->recipients_max < most)
    most = caps->recipients_max;
  if (!caps->domains_max)
    return most;
  for (size_t domains = 0; count < most; count++)
    {
      domains += new_domain (envelope->recipients + first, count);
      if (domains > caps->domains_max)
        break;
    }
  return count;
}

bool
msub_smtp_spent (const struct msub_smtp *smtp)
{
  return smtp->caps.mails_max && smtp->mails >= smtp->caps.mails_max;
}

bool
msub_smtp_needs_sessions (const struct msub_smtp *smtp, const struct msub_envelope *envelope)
{
  size_t parts = 0;
  if (!smtp->caps.mails_max)
    return false;
  for (size_t first = 0; first < envelope->count; first += part_size (smtp, envelope, first, envelope->count - first))
    parts++;
  return smtp->mails + parts > smtp->caps.mails_max;
}

struct msub_envelope
msub_smtp_next_part (const struct msub_smtp *smtp, const struct msub_envelope *envelope, const bool *open)
{
  size_t first = 0, most = 0;
  while (!open[first])
    first++;
  while (first + most < envelope->count && open[first + most])
    most++;
  struct msub_envelope part = *envelope;
  part.recipients += first;
  part.first += first;
  part.count = part_size (smtp, envelope, first, most);
  return part;
}
