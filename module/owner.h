/* owner.h --- whose socket is at the other end of a connection within this machine.

   Floor 1.  SPDX-License-Identifier: GPL-3.0-or-later  */

#ifndef MSUB_OWNER_H
#define MSUB_OWNER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct msub_owner
{
  uint32_t user;
  bool held;       /* a process still has the socket; of another one the kernel says that it is root's */
  uint32_t unread; /* octets sent that the other end has not taken */
};

/* The TCP socket of this machine whose own address is FROM, and which is connected to TO: LENGTH octets each, 4 for IPv4, 16
   for IPv6.  1: *OWNER_R is filled.  0: there is none.  -1: this system does not tell (Linux alone does).  */
int msub_owner_look (const uint8_t *from, uint16_t from_port, const uint8_t *to, uint16_t to_port, size_t length,
                     struct msub_owner *owner_r);

#endif
