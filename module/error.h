/* error.h --- what went wrong, in a form that code can act on and a person can read.

   Floor 0.  Knows nothing of networks, SMTP, threads or Lisp.
   SPDX-License-Identifier: GPL-3.0-or-later  */

#ifndef MSUB_ERROR_H
#define MSUB_ERROR_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

/* The closed list of kinds.  Lisp maps a kind to a result, an exit status and a condition;
   nobody parses the text to decide.  */
enum msub_kind
{
  MSUB_OK = 0,
  MSUB_HOST,      /* the server's name does not exist, or has no address */
  MSUB_RESOLVER,  /* no name server says whether it does */
  MSUB_CONNECT,   /* no route led to a usable connection */
  MSUB_NO_LOG_IN, /* the ports that can be reached take no log-in, and others cannot be reached */
  MSUB_TLS,       /* the handshake was cut short by the network or the server: may work later */
  MSUB_INSECURE,  /* the security asked for could not be had; nothing secret was sent */
  MSUB_AUTH,      /* the server refused the credentials, or demands some */
  MSUB_REFUSED,   /* 5yz: permanent */
  MSUB_DEFERRED,  /* 4yz: may work later */
  MSUB_PROTOCOL,  /* what the server said is not SMTP */
  MSUB_TIMEOUT,   /* a deadline passed (never after the final dot: that is uncertain) */
  MSUB_LOST,      /* the connection broke (never after the final dot) */
  MSUB_CANCELLED, /* the user said stop */
  MSUB_UNCERTAIN, /* the final dot was sent and no answer came (RFC 1047) */
  MSUB_MESSAGE,   /* the message or an address cannot be sent as it is */
  MSUB_CONFIG,    /* an option or a file it names is unusable */
  MSUB_INTERNAL,  /* out of memory, out of descriptors, a defect */
  MSUB_KINDS
};

#define MSUB_TEXT_MAX 1024

/* Filled once, by the caller's own struct: the first specific error wins.  */
struct msub_error
{
  enum msub_kind kind;
  int code;           /* SMTP reply code, or 0 */
  char enhanced[12];  /* RFC 3463 status code such as "5.1.1", or "" */
  const char *about;  /* NULL, or what is to be changed.  Of MSUB_AUTH: "password", "no-password", "app-password", "token",
                         "mechanism", "nothing"; of MSUB_INSECURE: "no-log-in", "starttls", "implicit"; of MSUB_REFUSED: "size";
                         of both: "wish"; of MSUB_DEFERRED: "offer", for at once without it, it may work; of MSUB_TIMEOUT:
                         "long-packets"; of MSUB_CONNECT: "tunnel"; of what a server refuses or breaks off:
                         "client-certificate"; "recipients", who were refused before the server left.  Static.  */
  const char *step;   /* NULL, or what the server said no to: "greeting", "ehlo", "starttls", "auth", "mail", "rcpt", "data", "dot",
                         "any".  Static.  */
  const char *mechanism; /* NULL, or by which the log-in was tried.  Static.  */
  const char *alarm;  /* NULL, or what somebody may be up to: "striptls", "weaker-auth".  Static.  */
  char text[MSUB_TEXT_MAX]; /* valid UTF-8 without control characters */
  char said[MSUB_TEXT_MAX]; /* the server's reply that is why: its lines' texts, each as clean and ended by '\n'; or "" */
};

/* The name of KIND as Lisp sees it, such as "insecure".  Static.  */
const char *msub_kind_name (enum msub_kind kind);

/* Fill ERR, unless it is filled already, and return -1, so that a caller can `return' it.
   The text is cleaned (msub_text_clean).  */
int msub_fail (struct msub_error *err, enum msub_kind kind, const char *format, ...)
  __attribute__ ((format (printf, 3, 4)));

/* Put one more sentence behind ERR's text.  */
void msub_error_add (struct msub_error *err, const char *sentence);

/* Is errno value ERRNUM about what this machine lacks just now, and not about the file that was asked for?  */
bool msub_errno_passes (int errnum);

/* As msub_fail, with the words for errno value ERRNUM behind the text.  Nobody has to change a message or an option because
   of what passes: then KIND is MSUB_INTERNAL.  */
int msub_fail_errno (struct msub_error *err, enum msub_kind kind, int errnum, const char *format, ...)
  __attribute__ ((format (printf, 4, 5)));

/* Copy N octets of SRC to DST (SIZE octets, at least 1) as valid UTF-8 that is safe to show:
   control characters (C0, C1, DEL), bidirectional overrides and isolates, zero-width and line
   separator characters and octets that are not UTF-8 become U+FFFD.  Always NUL-terminated; what
   does not fit is cut off at a character's edge and ends in "...".  Returns the length.  */
size_t msub_text_clean (char *dst, size_t size, const char *src, size_t n);

/* Are the N octets of SRC UTF-8?  */
bool msub_text_is_utf8 (const char *src, size_t n);

/* The capital of C as in ASCII, whatever the locale: in Turkish toupper ('i') is no 'I', and strcasecmp does not take "plain" for
   "PLAIN".  So nothing else here asks for letters.  */
char msub_text_upper (char c);

/* Are A and B, N octets at most of them, the same but for the case of letters?  */
bool msub_text_alike (const char *a, const char *b, size_t n);

/* The place in TEXT where WORD stands, in whatever case, or NULL.  */
const char *msub_text_find (const char *text, const char *word);

/* As msub_text_clean, but each octet from 0x80 on becomes U+F700 and it: for somebody who knows the charsets of the world.  */
size_t msub_text_octets (char *dst, size_t size, const char *src, size_t n);

/* As snprintf, then as msub_text_clean: the one way to put a text for people together, so that no character is cut in two.  */
size_t msub_text_format (char *dst, size_t size, const char *format, ...) __attribute__ ((format (printf, 3, 4)));

/* The symbolic name of errno value ERRNUM ("ECONNREFUSED"), or "E<number>".  BUF holds at
   least 16 octets and is used for the latter.  */
const char *msub_errno_name (int errnum, char *buf);

/* Overwrite N octets at P in a way the compiler may not drop.  NULL is fine.  */
void msub_wipe (void *p, size_t n);

/* Wipe and free the string *P and set it to NULL.  NULL is fine.  */
void msub_wipe_free (char **p);

#endif
