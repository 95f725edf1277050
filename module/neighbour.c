/* neighbour.c --- which link-layer address a neighbour has, as the system knows it.

   Floor 1.  SPDX-License-Identifier: GPL-3.0-or-later  */

#define _GNU_SOURCE
#include "neighbour.h"

#ifdef __linux__

#include <arpa/inet.h>
#include <linux/neighbour.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

struct wanted
{
  int family, interface;
  struct in6_addr address; /* IPv4 takes the first octets */
  size_t length;
};

static bool
parse (const char *interface, const char *address, struct wanted *wanted_r)
{
  *wanted_r = (struct wanted) { .interface = (int) if_nametoindex (interface) };
  if (inet_pton (AF_INET, address, &wanted_r->address) == 1)
    wanted_r->family = AF_INET, wanted_r->length = sizeof (struct in_addr);
  else if (inet_pton (AF_INET6, address, &wanted_r->address) == 1)
    wanted_r->family = AF_INET6, wanted_r->length = sizeof (struct in6_addr);
  return wanted_r->interface > 0 && wanted_r->family > 0;
}

/* Ask the kernel for all neighbours of the family: asking for one is not possible before Linux 5.0.  */
static int
ask (const struct wanted *wanted)
{
  struct
  {
    struct nlmsghdr header;
    struct ndmsg body;
  } request = {
    .header = {
      .nlmsg_len = sizeof request,
      .nlmsg_type = RTM_GETNEIGH,
      .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP,
    },
    .body = { .ndm_family = (unsigned char) wanted->family },
  };
  /* The answer is there when send returns; the limit is for a kernel that does otherwise.  */
  const struct timeval limit = { .tv_usec = 100000 };
  int fd = socket (AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
  if (fd >= 0 && setsockopt (fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit) == 0
      && send (fd, &request, sizeof request, MSG_NOSIGNAL) == (ssize_t) sizeof request)
    return fd;
  if (fd >= 0)
    close (fd);
  return -1;
}

/* Is NEIGHBOUR, whose attributes are LENGTH octets, the wanted one?  Then put its address into WORDS.  */
static bool
look (const struct wanted *wanted, const struct ndmsg *neighbour, size_t length, char *words)
{
  const uint8_t *link = NULL;
  size_t link_length = 0;
  bool same = false;
  if (neighbour->ndm_ifindex != wanted->interface || neighbour->ndm_family != wanted->family
      || neighbour->ndm_state & (NUD_INCOMPLETE | NUD_FAILED))
    return false;
  for (size_t at = 0; at + sizeof (struct rtattr) <= length;)
    {
      const struct rtattr *a = (const void *) ((const char *) (neighbour + 1) + at);
      if (a->rta_len < sizeof *a || a->rta_len > length - at)
        break;
      at += RTA_ALIGN (a->rta_len);
      if (a->rta_type == NDA_DST && RTA_PAYLOAD (a) == wanted->length)
        same = memcmp (RTA_DATA (a), &wanted->address, wanted->length) == 0;
      else if (a->rta_type == NDA_LLADDR)
        link = RTA_DATA (a), link_length = RTA_PAYLOAD (a);
    }
  if (!same || link_length == 0 || link_length * 3 > MSUB_NEIGHBOUR_TEXT)
    return false;
  for (size_t i = 0; i < link_length; i++)
    snprintf (words + 3 * i, 4, "%02x%s", link[i], i + 1 < link_length ? ":" : "");
  return true;
}

/* Go through the N octets of one block.  True when the answer has come to its end; *FOUND is set on the way.  */
static bool
scan (const struct wanted *wanted, const struct nlmsghdr *message, size_t n, char *words, bool *found)
{
  unsigned int left = (unsigned int) n;
  for (; NLMSG_OK (message, left); message = NLMSG_NEXT (message, left))
    {
      if (message->nlmsg_type == NLMSG_DONE || message->nlmsg_type == NLMSG_ERROR)
        return true;
      if (!*found && message->nlmsg_type == RTM_NEWNEIGH && message->nlmsg_len >= NLMSG_LENGTH (sizeof (struct ndmsg)))
        *found = look (wanted, NLMSG_DATA (message), message->nlmsg_len - NLMSG_LENGTH (sizeof (struct ndmsg)), words);
    }
  return false;
}

bool
msub_neighbour (const char *interface, const char *address, char words[MSUB_NEIGHBOUR_TEXT])
{
  struct wanted wanted;
  bool found = false;
  int fd = parse (interface, address, &wanted) ? ask (&wanted) : -1;
  if (fd < 0)
    return false;
  /* The kernel never makes a block larger than this.  */
  _Alignas (struct nlmsghdr) char block[32768];
  ssize_t n;
  do
    n = recv (fd, block, sizeof block, 0);
  while (n > 0 && !scan (&wanted, (const struct nlmsghdr *) block, (size_t) n, words, &found));
  close (fd);
  return found;
}

#else

bool
msub_neighbour (const char *interface, const char *address, char words[MSUB_NEIGHBOUR_TEXT])
{
  (void) interface, (void) address, (void) words;
  return false;
}

#endif
