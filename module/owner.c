/* owner.c --- whose socket is at the other end of a connection within this machine (Linux: sock_diag(7)).

   Floor 1.  SPDX-License-Identifier: GPL-3.0-or-later  */

#define _GNU_SOURCE
#include "owner.h"

#ifdef __linux__

#include <arpa/inet.h>
#include <errno.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct question
{
  struct nlmsghdr header;
  struct inet_diag_req_v2 body;
};

/* Ask the kernel on FD.  The answer's octets are in BUF; returns how many, or -1.  It is there when sendto returns: Emacs
   never waits for it.  */
static ssize_t
ask (int fd, struct question *question, void *buf, size_t size)
{
  struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };
  ssize_t n;
  if (sendto (fd, question, sizeof *question, 0, (struct sockaddr *) &kernel, sizeof kernel) < 0)
    return -1;
  do
    n = recv (fd, buf, size, MSG_DONTWAIT);
  while (n < 0 && errno == EINTR);
  return n;
}

static int
read_answer (const struct nlmsghdr *header, size_t n, const struct question *question, struct msub_owner *owner_r)
{
  if (n < sizeof *header || header->nlmsg_len > n)
    return -1;
  if (header->nlmsg_type == NLMSG_ERROR && header->nlmsg_len >= NLMSG_LENGTH (sizeof (struct nlmsgerr)))
    {
      const struct nlmsgerr *error = (const struct nlmsgerr *) (header + 1);
      return error->error == -ENOENT ? 0 : -1;
    }
  if (header->nlmsg_type != SOCK_DIAG_BY_FAMILY || header->nlmsg_len < NLMSG_LENGTH (sizeof (struct inet_diag_msg)))
    return -1;
  const struct inet_diag_msg *found = (const struct inet_diag_msg *) (header + 1);
  /* A socket that listens on that port is found where there is no connection.  */
  if (found->idiag_state == TCP_LISTEN || found->id.idiag_dport != question->body.id.idiag_dport)
    return 0;
  owner_r->user = found->idiag_uid;
  owner_r->held = found->idiag_inode != 0;
  owner_r->unread = found->idiag_wqueue;
  return 1;
}

int
msub_owner_look (const uint8_t *from, uint16_t from_port, const uint8_t *to, uint16_t to_port, size_t length,
                 struct msub_owner *owner_r)
{
  struct question question = {
    .header = { .nlmsg_len = sizeof question, .nlmsg_type = SOCK_DIAG_BY_FAMILY, .nlmsg_flags = NLM_F_REQUEST },
    .body = {
      .sdiag_family = length == 4 ? AF_INET : AF_INET6,
      .sdiag_protocol = IPPROTO_TCP,
      .idiag_states = ~0U,
      .id = { .idiag_sport = htons (from_port), .idiag_dport = htons (to_port),
              .idiag_cookie = { INET_DIAG_NOCOOKIE, INET_DIAG_NOCOOKIE } },
    },
  };
  if (length != 4 && length != 16)
    return -1;
  memcpy (question.body.id.idiag_src, from, length);
  memcpy (question.body.id.idiag_dst, to, length);
  int fd = socket (AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
  if (fd < 0)
    return -1;
  _Alignas (struct nlmsghdr) char buf[8192];
  ssize_t n = ask (fd, &question, buf, sizeof buf);
  close (fd);
  return n < 0 ? -1 : read_answer ((const struct nlmsghdr *) buf, (size_t) n, &question, owner_r);
}

#else

int
msub_owner_look (const uint8_t *from, uint16_t from_port, const uint8_t *to, uint16_t to_port, size_t length,
                 struct msub_owner *owner_r)
{
  (void) from, (void) from_port, (void) to, (void) to_port, (void) length, (void) owner_r;
  return -1;
}

#endif
