/* neighbour.h --- which link-layer address a neighbour has, as the system knows it.

   Floor 1.  Nothing is sent on any network, and nothing waits for one.
   SPDX-License-Identifier: GPL-3.0-or-later  */

#ifndef MSUB_NEIGHBOUR_H
#define MSUB_NEIGHBOUR_H

#include <stdbool.h>

#define MSUB_NEIGHBOUR_TEXT 64

/* Put the link-layer address of the numeric ADDRESS on INTERFACE into WORDS, such as "02:00:5e:00:53:01".  False when it is
   not known, and on systems that cannot be asked.  */
bool msub_neighbour (const char *interface, const char *address, char words[MSUB_NEIGHBOUR_TEXT]);

#endif
