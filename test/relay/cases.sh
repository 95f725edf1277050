# cases.sh --- programs that send through the relay, and as sendmail's callers.
#
# Sourced by run, after suite.sh, which says what a case is.  SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=bash

# --- git send-email ---------------------------------------------------------------------------------------

# A repository with a series of $1 patches in $out/series.
make_series ()
{
  rm -rf "$out/git" "$out/series"
  mkdir "$out/git"
  (
    cd "$out/git" || exit
    export GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_SYSTEM=/dev/null
    git init -q . && git config user.email "$SMTP_SENDER" && git config user.name 'A Sender' || exit
    for ((i = 1; i <= $1; i++))
    do
      echo "$i" >> file && git add file && git commit -qm "change number $i" || exit
    done
    git format-patch -q --root --thread=shallow -o "$out/series"
  ) >"$out/git.log" 2>&1
}

# git_send OPTION...: send the series to the case's mailbox.
git_send ()
{
  (cd "$out/git" && GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_SYSTEM=/dev/null timeout 900 git send-email --confirm never \
     --suppress-cc all --from "$SMTP_SENDER" --to "$box@example.org" "$@" "$out/series") >"$out/git.log" 2>&1
}

needs_git ()
{
  needs git perl || return
  [ -e "$(git --exec-path)/git-send-email" ] && perl -MMail::Address -e 1 2>/dev/null \
    || skip_case "git send-email, or Perl's Mail::Address, is not installed: run make deps, or install git-email and libmailtools-perl"
}

# field_of FIELD FILE...: its value in each header, the first line of it.
field_of ()
{
  awk -v field="$1: " 'FNR == 1 { header = 1 } /^\r?$/ { header = 0 }
    header && index(tolower($0), tolower(field)) == 1 { print substr($0, length(field) + 1) }' "${@:2}"
}

# The series of $1 patches is in the mailbox: each once, in order, its Message-ID and thread intact.
expect_series ()
{
  expect_mails "$box" "$1" || return
  local field
  for field in Message-Id In-Reply-To References Subject
  do
    field_of "$field" "$out"/series/*.patch | sort > "$out/wanted"
    field_of "$field" "$SMTP_MAILBOXES/$box"/new/* | sort > "$out/found"
    [ "$(wc -l < "$out/wanted")" -ge $(($1 - 1)) ] || fail "the series lacks $field" || return
    cmp -s "$out/wanted" "$out/found" || fail "$field differs" || return
  done
  # Postfix notes the Message-IDs in the order in which it took them.
  field_of Message-Id "$out"/series/*.patch > "$out/wanted"
  grep -o 'message-id=<[^>]*>' "$SMTP_LOG" | sed 's/message-id=//' | grep -Fxf "$out/wanted" > "$out/found"
  cmp -s "$out/wanted" "$out/found" || fail "the order differs"
}

# How often Postfix has been connected to by mew-submit.
connections ()
{
  grep -c 'connect from unknown\[\(192.0.2.1\|2001:db8::1\)\]' "$SMTP_LOG"
}

git_relay ()
{
  make_series 30 || fail "no series" || return
  local before
  before=$(connections)
  git_send --smtp-server 127.0.0.1 --smtp-server-port $relay_port || fail "git: $(tail -n 3 "$out/git.log")" || return
  [ "$(grep -c '^Result: 250' "$out/git.log")" = 30 ] || fail "git was not told 250 thirty times" || return
  expect_series 30 || return
  # Connecting and disconnecting are a line each.
  [ $(($(connections) - before)) -le 2 ] || fail "$(($(connections) - before)) connections' lines for the series"
}

# A slow machine is to keep its connection, too.
case_git-relay-30-patches () { needs_git && RELAY_KEEP=300 with_relay git_relay; }

git_refused ()
{
  make_series 1 || fail "no series" || return
  git_send --smtp-server 127.0.0.1 --smtp-server-port $relay_port --to nobody-there@example.org \
    && { fail "git reports success"; return; }
  grep -q '5[0-9][0-9] 5\.1\.1 <nobody-there@example\.org>' "$out/git.log" \
    || fail "git does not report the recipient: $(tail -n 3 "$out/git.log")" || return
  queued_are 0 || fail "it is still in the outbox" || return
  stored_are "$box" 0 || fail "the other recipient got it all the same"
}

case_git-relay-recipient-refused () { needs_git && with_relay git_refused; }

# sendmailCmd: one process for each patch.  The relay is an Emacs server, and takes them.
git_sendmail_server ()
{
  make_series 30 || fail "no series" || return
  local before
  before=$(connections)
  git_send --sendmail-cmd "$SMTP_WORK/mew-submit-sendmail" || fail "git: $(tail -n 3 "$out/git.log")" || return
  expect_series 30 || return
  [ $(($(connections) - before)) -le 4 ] || fail "$(($(connections) - before)) connections' lines for the series"
}

case_git-sendmail-30-patches () { needs_git && RELAY_KEEP=300 with_relay git_sendmail_server; }

case_git-sendmail-alone ()
{
  needs_git || return
  rm -rf "$RELAY_OUTBOX"
  make_series 5 || fail "no series" || return
  git_send --sendmail-cmd "$SMTP_WORK/mew-submit-sendmail --outbox $RELAY_OUTBOX ${account[*]}" \
    || fail "git: $(tail -n 3 "$out/git.log")" || return
  expect_series 5
}

case_git-sendmail-recipient-refused ()
{
  needs_git || return
  rm -rf "$RELAY_OUTBOX"
  make_series 1 || fail "no series" || return
  git_send --sendmail-cmd "$SMTP_WORK/mew-submit-sendmail --outbox $RELAY_OUTBOX ${account[*]}" \
           --to nobody-there@example.org && { fail "git reports success"; return; }
  grep -q 'nobody-there@example\.org: 550 5\.1\.1' "$out/git.log" \
    || fail "git does not report the recipient: $(tail -n 3 "$out/git.log")"
}

# --- Other clients ----------------------------------------------------------------------------------------

# The message that clients without ideas of their own send.
a_message ()
{
  printf 'Subject: by %s\r\nFrom: %s\r\nTo: %s\r\nDate: Thu, 1 Jan 2026 00:00:00 +0000\r\nMessage-ID: <%s@example.org>\r\n\r\nbody\r\n.a dot\r\n' \
         "$1" "$SMTP_SENDER" "$box@example.org" "$box"
}

client_swaks ()
{
  swaks --server 127.0.0.1:$relay_port --from "$SMTP_SENDER" --to "$box@example.org" --pipeline >"$out/client" 2>&1 \
    || fail "swaks: $(tail -n 3 "$out/client")" || return
  grep -q '^<-  250 2\.0\.0 Ok: .*queued as' "$out/client" || fail "not Postfix' words: $(grep '^<' "$out/client" | tail -n 2)" \
    || return
  expect_mails "$box" 1
}

case_swaks () { needs swaks && with_relay client_swaks; }

client_msmtp ()
{
  a_message msmtp | msmtp --host=127.0.0.1 --port=$relay_port --from="$SMTP_SENDER" --auth=off --tls=off \
                          "$box@example.org" >"$out/client" 2>&1 || fail "msmtp: $(cat "$out/client")" || return
  expect_mails "$box" 1
}

case_msmtp () { needs msmtp && with_relay client_msmtp; }

client_curl ()
{
  a_message curl > "$out/message"
  curl -sS "smtp://127.0.0.1:$relay_port" --mail-from "$SMTP_SENDER" --mail-rcpt "$box@example.org" \
       --upload-file "$out/message" >"$out/client" 2>&1 || fail "curl: $(cat "$out/client")" || return
  expect_stored "$box" "$out/message"
}

case_curl () { needs curl && with_relay client_curl; }

client_mutt ()
{
  printf 'set smtp_url="smtp://127.0.0.1:%s/"\nset ssl_starttls=no\nset ssl_force_tls=no\nset from="%s"\nset use_from\nset copy=no\n' \
         $relay_port "$SMTP_SENDER" > "$out/muttrc"
  echo 'a body' | mutt -F "$out/muttrc" -s 'by mutt' -- "$box@example.org" >"$out/client" 2>&1 \
    || fail "mutt: $(cat "$out/client")" || return
  expect_mails "$box" 1
}

case_mutt () { needs mutt && with_relay client_mutt; }

case_mutt-sendmail ()
{
  needs mutt || return
  rm -rf "$RELAY_OUTBOX"
  printf 'set sendmail="%s --outbox %s %s"\nset from="%s"\nset use_from\nset copy=no\nset sendmail_wait=0\n' \
         "$SMTP_WORK/mew-submit-sendmail" "$RELAY_OUTBOX" "${account[*]}" "$SMTP_SENDER" > "$out/muttrc"
  echo 'a body' | mutt -F "$out/muttrc" -s 'by mutt' -- "$box@example.org" >"$out/client" 2>&1 \
    || fail "mutt: $(cat "$out/client")" || return
  expect_mails "$box" 1
}

client_python ()
{
  python3 - $relay_port "$SMTP_SENDER" "$box@example.org" >"$out/client" 2>&1 <<'END' || fail "smtplib: $(tail -n 1 "$out/client")" || return
import smtplib, sys
from email.message import EmailMessage
port, sender, to = int(sys.argv[1]), sys.argv[2], sys.argv[3]
for i in range(3):
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = sender, to, f"Grüße {i}"
    message.set_content("ä\n.\n..\n")
    with smtplib.SMTP("127.0.0.1", port) as smtp:
        smtp.send_message(message)
with smtplib.SMTP("127.0.0.1", port) as smtp:
    try:
        smtp.sendmail(sender, ["nobody-there@example.org"], "Subject: x\n\nx\n")
        sys.exit("not refused")
    except smtplib.SMTPDataError as error:
        if error.smtp_code != 550 or b"5.1.1" not in error.smtp_error:
            sys.exit(f"refused otherwise: {error}")
END
  expect_mails "$box" 3
}

case_python-smtplib () { needs python3 && with_relay client_python; }

# sendmail's other callers: cron's flags, and a message without header.
case_sendmail-flags ()
{
  rm -rf "$RELAY_OUTBOX"
  local command=("$SMTP_WORK/mew-submit-sendmail" --outbox "$RELAY_OUTBOX" "${account[@]}")
  printf 'From: cron\nTo: %s\nSubject: Cron\n\nout\n.\nput\n' "$box@example.org" \
    | "${command[@]}" -FCronDaemon -i -B8BITMIME -oem -f "$SMTP_SENDER" "$box@example.org" 2>"$out/client" \
    || fail "cron's way: $(cat "$out/client")" || return
  printf 'no header here\n' | "${command[@]}" -f "$SMTP_SENDER" -- "$box@example.org" 2>"$out/client" \
    || fail "without header: $(cat "$out/client")" || return
  printf 'To: %s\nBcc: a@example.org\nSubject: t\n\nx\n' "$box@example.org" \
    | "${command[@]}" -t -oi -f "$SMTP_SENDER" 2>"$out/client" || fail "-t: $(cat "$out/client")" || return
  expect_mails "$box" 3 || return
  expect_mails a 1 || return
  grep -rqi '^bcc' "$SMTP_MAILBOXES" && { fail "Bcc has left"; return; }
  grep -q '^put$' "$SMTP_MAILBOXES/$box"/new/* || fail "-i, and the message ends at a dot" || return
  grep -q '^Message-ID: ' "$SMTP_MAILBOXES/$box"/new/* || fail "no Message-ID was added"
}

# --- Many at once -----------------------------------------------------------------------------------------

# Every 250 is a file in the outbox.  The server is not there, so nothing leaves it.
many_queued ()
{
  smtp-source -s 20 -m 2000 -f "$SMTP_SENDER" -t "$box@example.org" 127.0.0.1:$relay_port >"$out/client" 2>&1 \
    || fail "smtp-source: $(cat "$out/client")" || return
  # smtp-source ends when each message has had its 250.
  queued_are 2000 || fail "$(queued) messages in the outbox, not 2000" || return
  find "$RELAY_OUTBOX" -name '*.relay.part' | grep -q . && { fail "something unfinished in the outbox"; return; }
  return 0
}

case_smtp-source-2000 ()
{
  needs smtp-source || return
  relay_start --server 127.0.0.1 --routes 1:none --tls none --wait 0 || return
  many_queued
  local result=$?
  ps -o rss= -p "$relay_pid" > "$out/memory"
  relay_stop
  [ $result = 0 ] || return
  [ "$(cat "$out/memory")" -lt 300000 ] || fail "the relay has $(cat "$out/memory") KiB"
}

many_delivered ()
{
  smtp-source -s 20 -m 200 -f "$SMTP_SENDER" -t "$box@example.org" 127.0.0.1:$relay_port >"$out/client" 2>&1 \
    || fail "smtp-source: $(cat "$out/client")" || return
  expect_mails "$box" 200
}

case_smtp-source-delivered () { needs smtp-source && with_relay many_delivered; }

# A connection that stays open for several messages, and a large message.
large_message ()
{
  # curl sends line ends as they are.
  message_25mb | sed 's/$/\r/' > "$out/message"
  curl -sS "smtp://127.0.0.1:$relay_port" --mail-from "$SMTP_SENDER" --mail-rcpt "$box@example.org" \
       --upload-file "$out/message" >"$out/client" 2>&1 || fail "curl: $(cat "$out/client")" || return
  ps -o rss= -p "$relay_pid" > "$out/memory"
  [ "$(cat "$out/memory")" -lt 200000 ] || fail "the relay has $(cat "$out/memory") KiB" || return
  expect_stored "$box" "$out/message"
}

case_large-message () { needs curl && with_relay large_message; }
