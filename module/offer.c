/* offer.c --- offers that are not kept: what a server says no to before anything of the message counts.

   Floor 6.  SPDX-License-Identifier: GPL-3.0-or-later  */

#define _GNU_SOURCE
#include "offer.h"

#include <string.h>
#include <strings.h>

bool
msub_smtp_about_command (const struct msub_reply *reply)
{
  const char *enhanced = reply->enhanced;
  bool subject = enhanced[0] == '5' && enhanced[1] == '.' && enhanced[3] == '.';
  bool named = subject && (enhanced[2] == '1' || enhanced[2] == '2' || enhanced[2] == '7');
  if (reply->code == 500 || reply->code == 502)
    return true;
  if (subject && enhanced[2] == '5' && reply->code / 100 == 5)
    return strcmp (enhanced, "5.5.3") != 0;
  return !named && (reply->code == 501 || reply->code == 503 || reply->code == 504 || reply->code == 555);
}

/* BDAT has no argument that could be at fault but its length, which is right.  */
bool
msub_smtp_about_chunking (const struct msub_reply *reply)
{
  return (reply->code >= 500 && reply->code <= 504)
         || (reply->code / 100 == 5
             && (msub_smtp_about_command (reply) || strcasestr (reply->text, "bdat") || strcasestr (reply->text, "chunking")));
}

/* Some say "554 SMTP synchronization error".  */
bool
msub_smtp_about_pipelining (const struct msub_reply *reply)
{
  return reply->code / 100 == 5 && (strcasestr (reply->text, "pipelining") || strcasestr (reply->text, "synchronization"));
}

const char *
msub_smtp_unkept_by_mail (const struct msub_smtp *smtp, const struct msub_envelope *envelope,
                          const struct msub_body_facts *facts)
{
  const struct msub_reply *reply = msub_smtp_last (smtp);
  const struct msub_capabilities *caps = &smtp->caps;
  const struct msub_extensions *wanted = &envelope->extensions;
  bool binary = msub_smtp_sends_binary (smtp, envelope);
  bool utf8_header = facts->eight_bit_header && !facts->other_header && caps->smtputf8;
  bool dsn = caps->dsn && (wanted->dsn_return || wanted->dsn_id);
  bool priority = caps->mt_priority && wanted->priority;
  const struct
  {
    bool used;
    const char *word, *keywords;
  } parameters[] = {
    { caps->size, "SIZE=", "SIZE" },
    { binary, "BODY=", "BINARYMIME,8BITMIME" },
    { facts->eight_bit && !binary, "BODY=", "8BITMIME" },
    { facts->eight_bit && !binary, "8BIT", "8BITMIME" },
    { utf8_header && !msub_envelope_odd_address (envelope), "SMTPUTF8", "SMTPUTF8" },
    { dsn, "RET=", "DSN" },
    { dsn, "ENVID", "DSN" },
    { priority, "MT-PRIORITY", "MT-PRIORITY" },
    { caps->size, "SIZE", "SIZE" },
    { caps->size || dsn || priority, NULL, "SIZE,DSN,MT-PRIORITY" },
    { binary, NULL, "BINARYMIME,8BITMIME" },
    { facts->eight_bit, NULL, "8BITMIME" },
    { utf8_header && !msub_envelope_odd_address (envelope), NULL, "SMTPUTF8" },
  };
  bool media = strncmp (reply->enhanced, "5.6.", 4) == 0 && facts->eight_bit;
  if (msub_smtp_dislikes_name (smtp))
    return NULL;
  if (caps->pipelining && msub_smtp_about_pipelining (reply))
    return "PIPELINING";
  for (size_t i = 0; i < sizeof parameters / sizeof *parameters; i++)
    if (parameters[i].used && (parameters[i].word ? strcasestr (reply->text, parameters[i].word) != NULL : !media))
      {
        bool literal = parameters[i].word && strchr (parameters[i].word, '=');
        if (msub_smtp_about_command (reply) || media || (literal && reply->code / 100 == 5 && reply->code != 552))
          return parameters[i].keywords;
      }
  return media ? (binary ? "BINARYMIME,8BITMIME" : "8BITMIME") : NULL;
}

bool
msub_smtp_unkept_by_message (const struct msub_smtp *smtp, const struct msub_envelope *envelope,
                             const struct msub_body_facts *facts)
{
  static const char *const words[] = { "8bit", "8-bit", "8 bit", "eight bit", "eight-bit", "non-ascii" };
  const struct msub_reply *reply = msub_smtp_last (smtp);
  if (reply->code / 100 != 5 || !facts->eight_bit || !smtp->caps.eightbitmime || msub_smtp_sends_binary (smtp, envelope))
    return false;
  for (size_t i = 0; i < sizeof words / sizeof *words; i++)
    {
      const char *place = strcasestr (reply->text, words[i]);
      /* A key of 2048 bits is another matter.  */
      if (place && (place == reply->text || place[-1] < '0' || place[-1] > '9'))
        return true;
    }
  return false;
}

const char *
msub_smtp_unkept_by_recipient (const struct msub_smtp *smtp, const struct msub_envelope *envelope, size_t i)
{
  const struct msub_reply *reply = msub_smtp_last (smtp);
  size_t place = envelope->first + i;
  if (smtp->caps.pipelining && msub_smtp_about_pipelining (reply))
    return "PIPELINING";
  bool about_it = msub_smtp_about_command (reply), literal = strstr (reply->text, "NOTIFY") || strstr (reply->text, "ORCPT");
  if (!(about_it || literal) || msub_smtp_dislikes_name (smtp))
    return NULL;
  if (smtp->caps.dsn
      && (msub_envelope_wish (envelope->notify, place) || msub_envelope_wish (envelope->original, place)
          || envelope->extensions.dsn_notify))
    return "DSN";
  bool argument = reply->code == 501 || reply->code == 504 || reply->code == 555;
  return smtp->caps.pipelining && about_it && !argument ? "PIPELINING" : NULL;
}

/* Does REPLY speak of recipients enough, and not of one of them and what he has a limit of?  */
static bool
speaks_of_number (const struct msub_reply *reply)
{
  const char *enhanced = reply->enhanced;
  if (enhanced[0] && strcmp (enhanced + 1, ".5.3") == 0)
    return true;
  if (enhanced[0] && (enhanced[2] == '1' || enhanced[2] == '2') && enhanced[3] == '.')
    return false;
  static const char *const number[] = { "too many", "limit", "exceed", "maxim", " per ", "only one", "multiple" };
  bool found = false;
  for (size_t i = 0; i < sizeof number / sizeof *number; i++)
    found = found || strcasestr (reply->text, number[i]);
  return strcasestr (reply->text, "per transaction")
         || (found && (strcasestr (reply->text, "recipient") || strcasestr (reply->text, "rcpt")));
}

bool
msub_smtp_about_number (const struct msub_reply *reply)
{
  if (reply->code < 400 || reply->code == 421)
    return false;
  bool forgotten = reply->code == 500 || reply->code == 502 || reply->code == 503;
  bool full = !reply->enhanced[0] && (reply->code == 452 || reply->code == 552);
  return forgotten || full || speaks_of_number (reply);
}

bool
msub_smtp_about_number_at_last (const struct msub_reply *reply)
{
  static const char *const time[] = { "minute", "hour", "day", "daily", "quota" };
  if (reply->code < 400 || reply->code == 421 || !speaks_of_number (reply))
    return false;
  for (size_t i = 0; i < sizeof time / sizeof *time; i++)
    if (strcasestr (reply->text, time[i]))
      return false;
  return true;
}
