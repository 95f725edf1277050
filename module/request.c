/* request.c --- what a job is told: clearing it, and a last look at its words.

   Floor 7.  SPDX-License-Identifier: GPL-3.0-or-later  */

#define _GNU_SOURCE
#include "request.h"
#include "login.h"

#include <stdlib.h>
#include <string.h>

static void
free_texts (char **texts)
{
  for (char **text = texts; text && *text; text++)
    free (*text);
  free (texts);
}

static void
wipe_texts (char **texts)
{
  for (char **text = texts; text && *text; text++)
    msub_wipe_free (text);
  free (texts);
}

void
msub_request_clear (struct msub_request *request)
{
#define TEXT(in, member, key) free (request->in member);
#define SECRET(in, member, key) msub_wipe_free (&request->in member);
#define TEXTS(in, member, key) free_texts (request->in member);
#define SECRETS(in, member, key) wipe_texts (request->in member);
#define MSECS(in, member, key)
#define TRUTH(in, member, key)
#define CHOICE(in, member, key, type, ...)
#define ROUTES(in, key)
#define PINS(in, member, key)
#define MSUB_ALL_KEYS
#include "request.def"
  *request = (struct msub_request) { 0 };
}

/* Everything that goes into a command, a look-up or a log-in as it is has been checked by Lisp; here it is checked where it
   leaves (SECURITY: K8, K9, E20-E22).  */
int
msub_request_check (const struct msub_request *request, struct msub_error *err)
{
  static const char name_octets[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.-_:%";
  static const char helo_octets[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.-_:[]";
  const struct
  {
    const char *what, *text, *octets;
  } words[] = {
    { "name of the server", request->way.host, name_octets },
    { "name for the certificate", request->name, name_octets },
    { "name for EHLO", request->helo, helo_octets },
  };
  for (size_t i = 0; i < sizeof words / sizeof *words; i++)
    {
      const char *text = words[i].text;
      size_t length = text ? strlen (text) : 0;
      if (text && (length == 0 || length > 255 || strspn (text, words[i].octets) != length))
        return msub_fail (err, MSUB_MESSAGE, "The %s cannot be used: %s", words[i].what, text);
    }
  if (request->user && !msub_smtp_secret_fine (request->user))
    return msub_fail (err, MSUB_MESSAGE, "The user name holds a control character");
  if (request->password && !msub_smtp_secret_fine (request->password))
    return msub_fail (err, MSUB_MESSAGE, "The password holds a control character");
  return !msub_request_wants_log_in (request) || !request->auth || msub_smtp_mechanism_known (request->auth, err) ? 0 : -1;
}

bool
msub_request_wants_log_in (const struct msub_request *request)
{
  return request->user && (!request->probe || request->log_in) && !(request->auth && strcmp (request->auth, "none") == 0);
}
