/* offer.c --- offers that are not kept: what a server says no to before anything of the message counts.

   Floor 6.  SPDX-License-Identifier: GPL-3.0-or-later  */

#define _GNU_SOURCE
#include "offer.h"

#include <stdio.h>
#include <string.h>

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
             && (msub_smtp_about_command (reply) || msub_text_find (reply->text, "bdat")
                 || msub_text_find (reply->text, "chunking")));
}

/* Some say "554 SMTP synchronization error".  */
bool
msub_smtp_about_pipelining (const struct msub_reply *reply)
{
  return reply->code / 100 == 5 && (msub_text_find (reply->text, "pipelining") || msub_text_find (reply->text, "synchronization"));
}

/* What MAIL may have had, and which keywords are not believed any more when a reply does not take it.  */
struct parameter
{
  bool used;
  const char *word, *keywords; /* without a word: any reply about the command, unless it is about the MEDIA */
};

/* The keywords of PARAMETER, if REPLY refuses that, else NULL.  */
static const char *
refused (const struct msub_reply *reply, bool media, struct parameter parameter)
{
  const char *word = parameter.word;
  if (!parameter.used || !(word ? msub_text_find (reply->text, word) != NULL : !media))
    return NULL;
  bool literal = word && strchr (word, '=');
  bool about_it = msub_smtp_about_command (reply) || media || (literal && reply->code / 100 == 5 && reply->code != 552);
  return about_it ? parameter.keywords : NULL;
}

const char *
msub_smtp_unkept_by_mail (const struct msub_smtp *smtp, const struct msub_envelope *envelope,
                          const struct msub_body_facts *facts)
{
  const struct msub_reply *reply = msub_smtp_last (smtp);
  const struct msub_capabilities *caps = &smtp->caps;
  bool binary = msub_smtp_sends_binary (smtp, envelope);
  bool utf8_header = facts->eight_bit_header && !facts->other_header && caps->smtputf8;
  bool utf8 = utf8_header && !msub_envelope_odd_address (envelope);
  bool media = strncmp (reply->enhanced, "5.6.", 4) == 0 && facts->eight_bit;
  struct msub_mail_wish wishes[MSUB_MAIL_WISHES_MAX];
  size_t count = msub_smtp_mail_wishes (smtp, envelope, wishes);
  const char *keywords = NULL;
  if (msub_smtp_dislikes_name (smtp))
    return NULL;
  if (caps->pipelining && msub_smtp_about_pipelining (reply))
    return "PIPELINING";
  const struct parameter named[] = {
    { caps->size, "SIZE=", "SIZE" },
    { binary, "BODY=", "BINARYMIME,8BITMIME" },
    { facts->eight_bit && !binary, "BODY=", "8BITMIME" },
    { facts->eight_bit && !binary, "8BIT", "8BITMIME" },
    { utf8, "SMTPUTF8", "SMTPUTF8" },
  };
  for (size_t i = 0; !keywords && i < sizeof named / sizeof *named; i++)
    keywords = refused (reply, media, named[i]);
  for (size_t i = 0; !keywords && i < count; i++)
    keywords = refused (reply, media, (struct parameter) { true, wishes[i].word, wishes[i].keyword });
  const struct parameter others[] = {
    { caps->size, "SIZE", "SIZE" },
    { caps->size || count > 0, NULL, msub_mail_wish_keywords },
    { binary, NULL, "BINARYMIME,8BITMIME" },
    { facts->eight_bit, NULL, "8BITMIME" },
    { utf8, NULL, "SMTPUTF8" },
  };
  for (size_t i = 0; !keywords && i < sizeof others / sizeof *others; i++)
    keywords = refused (reply, media, others[i]);
  return keywords || !media ? keywords : binary ? "BINARYMIME,8BITMIME" : "8BITMIME";
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
      const char *place = msub_text_find (reply->text, words[i]);
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
    found = found || msub_text_find (reply->text, number[i]);
  return msub_text_find (reply->text, "per transaction")
         || (found && (msub_text_find (reply->text, "recipient") || msub_text_find (reply->text, "rcpt")));
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
    if (msub_text_find (reply->text, time[i]))
      return false;
  return true;
}

bool
msub_smtp_about_session (const struct msub_smtp *smtp)
{
  static const char *const which[] = { "per ", "per-", "this ", "one ", "same ", "single ", "each ", "smtp ", "a " };
  static const char *const what[] = { "session", "connection" };
  const struct msub_reply *reply = msub_smtp_last (smtp);
  char words[24];
  if (smtp->mails < 2 || reply->code < 400)
    return false;
  for (size_t i = 0; i < 2 * sizeof which / sizeof *which; i++)
    {
      snprintf (words, sizeof words, "%s%s", which[i / 2], what[i % 2]);
      const char *place = msub_text_find (reply->text, words);
      if (place && place[strlen (words)] != 's') /* of sessions at a time it has enough, too */
        return true;
    }
  return false;
}
