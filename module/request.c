/* request.c --- what a job is told: clearing it, and a last look at its words.

   Floor 5.  SPDX-License-Identifier: GPL-3.0-or-later  */

#define _GNU_SOURCE
#include "request.h"
#include "login.h"

#include <stdlib.h>
#include <string.h>

static void
free_texts (char ***texts)
{
  for (char **text = *texts; text && *text; text++)
    free (*text);
  free (*texts);
  *texts = NULL;
}

void
msub_request_clear (struct msub_request *request)
{
  char **const strings[]
    = { &request->host,     &request->name,     &request->ca_file, &request->crl_file, &request->cert_file,
        &request->key_file, &request->priority,     &request->auth,     &request->user,
        &request->helo,     &request->from,     &request->file, &request->without,
        &request->dsn_return, &request->dsn_id, &request->dsn_notify, &request->deliver_by, &request->hold_for,
        &request->hold_until, &request->priority_level, &request->tunnel_place, &request->tunnel_user,
        &request->tunnel_program,
        &request->source_ipv4, &request->source_ipv6, &request->auth_remembered, &request->auth_remembered_25,
        &request->share, &request->journal };
  for (size_t i = 0; i < sizeof strings / sizeof *strings; i++)
    {
      free (*strings[i]);
      *strings[i] = NULL;
    }
  msub_wipe_free (&request->password);
  msub_wipe_free (&request->tunnel_password);
  /* Some keep secrets there.  */
  for (char **variable = request->environment; variable && *variable; variable++)
    msub_wipe_free (variable);
  free (request->environment);
  request->environment = NULL;
  for (size_t i = 0; i < request->recipient_count; i++)
    free (request->recipients[i]);
  free (request->recipients);
  request->recipients = NULL;
  request->recipient_count = 0;
  free_texts (&request->notify);
  free_texts (&request->original);
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
    { "name of the server", request->host, name_octets },
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
  return 0;
}

struct msub_way
msub_request_way (const struct msub_request *request, const struct msub_context *context)
{
  return (struct msub_way) {
    .context = context,
    .host = request->host,
    .tunnel = {
      .kind = request->tunnel,
      .place = request->tunnel_place,
      .user = request->tunnel_user,
      .password = request->tunnel_password,
      .program = request->tunnel_program,
      .environment = request->environment,
    },
    .source_ipv4 = request->source_ipv4,
    .source_ipv6 = request->source_ipv6,
  };
}
