/* resolve.c --- the addresses of a name, one family at a time.

   Floor 2.  SPDX-License-Identifier: GPL-3.0-or-later  */

#define _GNU_SOURCE
#include "resolve.h"
#include "thread.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Shared by the asker and the look-up's thread; the last one to leave frees it.  */
struct msub_lookup
{
  atomic_int owners;
  atomic_bool done;
  int notice[2]; /* a pipe: the thread writes an octet when it is done */
  char *host;
  int family;
  int failure; /* an EAI_ value, once done */
  size_t count, left_out;
  struct msub_address addresses[MSUB_LOOKUP_ADDRESSES];
};

static void
leave (struct msub_lookup *lookup)
{
  if (atomic_fetch_sub (&lookup->owners, 1) > 1)
    return;
  for (int i = 0; i < 2; i++)
    if (lookup->notice[i] >= 0)
      close (lookup->notice[i]);
  free (lookup->host);
  free (lookup);
}

static void
add_address (struct msub_lookup *lookup, const struct sockaddr *sockaddr, socklen_t length)
{
  if (length > sizeof (struct sockaddr_storage))
    return;
  for (size_t i = 0; i < lookup->count; i++)
    if (msub_address_equal ((const struct sockaddr *) &lookup->addresses[i].sockaddr, sockaddr))
      return;
  if (lookup->count == MSUB_LOOKUP_ADDRESSES)
    {
      lookup->left_out++;
      return;
    }
  struct msub_address *address = &lookup->addresses[lookup->count++];
  memcpy (&address->sockaddr, sockaddr, length);
  address->length = length;
  msub_address_name (address);
}

static int
ask_system (struct msub_lookup *lookup, int flags)
{
  struct addrinfo hints = { .ai_family = lookup->family, .ai_socktype = SOCK_STREAM, .ai_flags = flags };
  struct addrinfo *list = NULL;
  int failure = getaddrinfo (lookup->host, NULL, &hints, &list);
  for (const struct addrinfo *i = list; !failure && i; i = i->ai_next)
    add_address (lookup, i->ai_addr, i->ai_addrlen);
  if (list)
    freeaddrinfo (list);
  return failure;
}

static void
finish (struct msub_lookup *lookup, int failure)
{
  lookup->failure = failure;
  atomic_store (&lookup->done, true);
  /* The pipe is empty, so this cannot block; nobody may be left to read it, which is fine too.  */
  while (write (lookup->notice[1], "", 1) < 0 && errno == EINTR)
    ;
}

static void
look_up (void *arg)
{
  struct msub_lookup *lookup = arg;
  /* Without that glibc has another way for IPv4: there the no of a router to the name within its own domain ("search" in
     resolv.conf) hides that nobody could tell the name itself.  */
  finish (lookup, ask_system (lookup, AI_CANONNAME));
  leave (lookup);
}

static bool
below_invalid (const char *host)
{
  static const char tld[] = "invalid";
  size_t length = strlen (host), tld_length = sizeof tld - 1;
  if (length > 0 && host[length - 1] == '.')
    length--;
  return length >= tld_length && msub_text_alike (host + length - tld_length, tld, tld_length)
         && (length == tld_length || host[length - tld_length - 1] == '.');
}

static bool
numeric (const char *host)
{
  struct in_addr in;
  return inet_pton (AF_INET, host, &in) == 1 || strchr (host, ':');
}

struct msub_lookup *
msub_lookup_start (const char *host, int family, struct msub_error *err)
{
  struct msub_lookup *lookup = calloc (1, sizeof *lookup);
  if (!lookup)
    {
      msub_fail (err, MSUB_INTERNAL, "Out of memory");
      return NULL;
    }
  *lookup = (struct msub_lookup) { .owners = 1, .family = family, .notice = { -1, -1 }, .host = strdup (host) };
  if (!lookup->host || msub_net_pipe (lookup->notice))
    {
      msub_fail_errno (err, MSUB_INTERNAL, errno, "Cannot look up %s", host);
      leave (lookup);
      return NULL;
    }
  if (numeric (host))
    finish (lookup, ask_system (lookup, AI_NUMERICHOST));
  else if (below_invalid (host))
    finish (lookup, EAI_NONAME);
  else
    {
      atomic_store (&lookup->owners, 2);
      int failed = msub_thread_start (look_up, lookup);
      if (failed)
        {
          atomic_store (&lookup->owners, 1);
          msub_fail_errno (err, MSUB_INTERNAL, failed, "Cannot look up %s", host);
          leave (lookup);
          return NULL;
        }
    }
  return lookup;
}

void
msub_lookup_free (struct msub_lookup **lookup)
{
  if (*lookup)
    leave (*lookup);
  *lookup = NULL;
}

bool
msub_lookup_done (const struct msub_lookup *lookup)
{
  return atomic_load (&lookup->done);
}

int
msub_lookup_fd (const struct msub_lookup *lookup)
{
  return lookup->notice[0];
}

size_t
msub_lookup_addresses (const struct msub_lookup *lookup, const struct msub_address **addresses_r)
{
  *addresses_r = lookup->addresses;
  return lookup->count;
}

size_t
msub_lookup_left_out (const struct msub_lookup *lookup)
{
  return lookup->left_out;
}

/* Why there is no address: the name has none, or nobody could be asked.  */
enum absence { ABSENCE_NONE, ABSENCE_RESOLVER, ABSENCE_LATE, ABSENCE_SYSTEM, ABSENCE_OTHER };

static enum absence
absence_of (const struct msub_lookup *lookup)
{
  if (!msub_lookup_done (lookup))
    return ABSENCE_LATE;
  switch (lookup->failure)
    {
    case 0:
    case EAI_NONAME:
#if defined EAI_NODATA && EAI_NODATA != EAI_NONAME
    case EAI_NODATA:
#endif
#ifdef EAI_ADDRFAMILY
    case EAI_ADDRFAMILY:
#endif
      return ABSENCE_NONE;
    case EAI_AGAIN:
      return ABSENCE_RESOLVER;
    case EAI_MEMORY:
    case EAI_SYSTEM:
      return ABSENCE_SYSTEM;
    default:
      return ABSENCE_OTHER;
    }
}

/* Why there is no address, in words.  */
static const char *
lookup_words (const struct msub_lookup *lookup)
{
  switch (absence_of (lookup))
    {
    case ABSENCE_NONE:
      return lookup->family == AF_INET6 ? "no IPv6 address is known" : "no IPv4 address is known";
    case ABSENCE_RESOLVER:
      return "no name server tells it";
    case ABSENCE_LATE:
      return "the resolver did not answer in time";
    case ABSENCE_SYSTEM:
      return "the look-up failed on this machine";
    default:
      return "the look-up failed";
    }
}

int
msub_lookup_fail (struct msub_lookup *const lookups[2], const char *host, struct msub_error *err)
{
  char words[256] = "";
  bool answered = true;
  for (int i = 0; i < 2; i++)
    if (lookups[i])
      {
        const char *more = lookup_words (lookups[i]);
        answered &= absence_of (lookups[i]) == ABSENCE_NONE;
        if (!strstr (words, more))
          snprintf (words + strlen (words), sizeof words - strlen (words), "%s%s", *words ? "; " : "", more);
      }
  if (answered)
    return msub_fail (err, MSUB_HOST, "No such host: %s (%s)", host, words);
  /* Where one of the two was not answered, nothing is said of the host.  */
  return msub_fail (err, MSUB_RESOLVER, "The address of %s cannot be found out: %s", host, words);
}

void
msub_lookup_report (const struct msub_lookup *lookup, const struct msub_context *context, msub_time started)
{
  static const char *const why[] = { "none", "resolver", "late", "system", "other" };
  const struct msub_address *addresses = NULL;
  size_t count = msub_lookup_done (lookup) ? msub_lookup_addresses (lookup, &addresses) : 0;
  char list[MSUB_LOOKUP_ADDRESSES * 65] = "";
  for (size_t i = 0, length = 0; i < count; i++)
    length += (size_t) snprintf (list + length, sizeof list - length, "%s\n", addresses[i].text);
  struct msub_event *event = msub_event_new (MSUB_EVENT_RESOLVED);
  msub_event_text (event, "family", lookup->family == AF_INET6 ? "ipv6" : "ipv4");
  msub_event_list (event, "addresses", list);
  if (count == 0)
    {
      msub_event_text (event, "error", lookup_words (lookup));
      msub_event_text (event, "why", why[absence_of (lookup)]);
    }
  msub_event_real (event, "ms", msub_msecs_since (started));
  msub_emit (context, event);
}
