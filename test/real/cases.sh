# cases.sh --- what the batch client has to do with the real servers.
#
# Sourced by run, after suite.sh, which says what a case is.  SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=bash

# --- Helpers ----------------------------------------------------------------------------------------------

log_lines ()
{
  grep -c "$1" "$SMTP_LOG"
}

log_has_lines ()
{
  [ "$(log_lines "$1")" -ge "$2" ]
}

# The line that the server writes at the end of a connection of our own says that its log is complete up to here.
log_settle ()
{
  local before
  before=$(log_lines 'disconnect from unknown\[127.0.0.1\]')
  (exec 3<>/dev/tcp/127.0.0.1/25 && read -r _ <&3 && printf 'QUIT\r\n' >&3 && read -r _ <&3) \
    && wait_until log_has_lines 'disconnect from unknown\[127.0.0.1\]' $((before + 1))
}

from_client='connect from unknown\[\(192.0.2.1\|2001:db8::1\)\]'

# --- Ports, modes and mechanisms --------------------------------------------------------------------------

# delivery PORT FAMILY TLS MECHANISM OPTION...
delivery ()
{
  local port=$1 family=$2 tls=$3 mechanism=$4
  shift 4
  message_mime > "$out/message"
  submit "$out/message" "$@" "$box@example.org"
  expect_delivered "$port" "$family" "$tls" "$mechanism" && expect_stored "$box" "$out/message"
}

case_587-plain () { delivery 587 ipv6 yes '"PLAIN"' "${login[@]}" --auth PLAIN; }
case_587-login () { delivery 587 ipv6 yes '"LOGIN"' "${login[@]}" --auth LOGIN; }
case_587-scram-sha-1 () { delivery 587 ipv6 yes '"SCRAM-SHA-1"' "${login[@]}" --auth SCRAM-SHA-1; }
case_587-scram-sha-256 () { delivery 587 ipv6 yes '"SCRAM-SHA-256"' "${login[@]}" --auth SCRAM-SHA-256; }
case_587-best-mechanism () { delivery 587 ipv6 yes '"SCRAM-SHA-256"' "${login[@]}"; }
case_587-ipv4 () { delivery 587 ipv4 yes '"SCRAM-SHA-256"' "${login[@]}" --family ipv4; }
case_587-plan-appendix-a () { delivery 587 ipv4 yes '"SCRAM-SHA-256"' "${login[@]}" --plan appendix-a; }
case_587-plan-symmetric () { delivery 587 ipv6 yes '"SCRAM-SHA-256"' "${login[@]}" --plan symmetric; }
case_465-plan-submissions () { delivery 465 ipv6 yes '"SCRAM-SHA-256"' "${login[@]}" --plan submissions; }
case_465-plain () { delivery 465 ipv6 yes '"PLAIN"' "${login[@]}" --plan submissions --auth PLAIN; }
case_465-ipv4 () { delivery 465 ipv4 yes '"SCRAM-SHA-256"' "${login[@]}" --routes 465:implicit --family ipv4; }
case_25-starttls () { delivery 25 ipv6 yes null --routes 25:starttls; }
case_25-ipv4 () { delivery 25 ipv4 yes null --routes 25:starttls --family ipv4; }
case_25-tls-none () { delivery 25 ipv6 no null --routes 25:none --tls none; }

# --- Messages ---------------------------------------------------------------------------------------------

# The message NAME arrives as it was sent.
message ()
{
  "message_$1" > "$out/message"
  submit "$out/message" "${login[@]}" "$box@example.org"
  expect_delivered 587 ipv6 yes '"SCRAM-SHA-256"' && expect_stored "$box" "$out/message"
}

case_message-25mb () { message 25mb; }
case_message-lines-998 () { message lines-998; }
case_message-lines-5000 () { message lines-5000; }
case_message-dots () { message dots; }
case_message-dots-everywhere () { message dots-everywhere; }
case_message-line-ends-mixed () { message line-ends-mixed; }
case_message-line-ends-crlf () { message line-ends-crlf; }
case_message-line-ends-cr () { message line-ends-cr; }
case_message-8bit () { message 8bit; }
case_message-no-final-newline () { message no-final-newline; }
case_message-empty-body () { message empty-body; }
case_message-headers-only () { message headers-only; }
case_message-empty-lines () { message empty-lines; }

# The message NAME is refused before the server hears of it.
unsendable ()
{
  "message_$1" > "$out/message"
  log_settle || fail "the server's log is not written" || return
  local before
  before=$(log_lines "$from_client")
  submit "$out/message" "${login[@]}" a@example.org
  expect 65 refused || return
  log_settle || fail "the server's log is not written" || return
  [ "$(log_lines "$from_client")" = "$before" ] || fail "the client connected" || return
  expect_nothing_stored
}

case_message-nul () { unsendable nul; }
case_message-nul-at-the-end () { unsendable nul-at-the-end; }

# The size is told, or looked at, before DATA: the server never sees a message that is too long.
case_message-over-the-limit ()
{
  message_25mb > "$out/part"
  cat "$out"/part{,,,,} > "$out/message"
  rm "$out/part"
  submit "$out/message" "${login[@]}" a@example.org
  rm "$out/message"
  expect 69 refused || return
  log_settle || fail "the server's log is not written" || return
  [ "$(log_lines 'queue file size limit exceeded')" = 0 ] || fail "the message was sent" || return
  expect_nothing_stored
}

# --- Recipients -------------------------------------------------------------------------------------------

case_recipients-several ()
{
  message_mime > "$out/message"
  submit "$out/message" "${login[@]}" a@example.org b@example.org c@example.org
  expect_delivered 587 ipv6 yes '"SCRAM-SHA-256"' || return
  done_has '[.recipients[].address] == ["a@example.org", "b@example.org", "c@example.org"]' || return
  expect_stored a "$out/message" && expect_stored b "$out/message" && expect_stored c "$out/message"
}

case_recipients-first-refused ()
{
  message_mime > "$out/message"
  submit "$out/message" "${login[@]}" unknown@example.org b@example.org
  expect 69 partial || return
  done_has '[.recipients[] | [.address, .code]] == [["unknown@example.org", 550], ["b@example.org", 250]]' || return
  done_has '.recipients[0].text | test("User unknown")' || return
  expect_stored b "$out/message" && expect_nothing_stored
}

case_recipients-first-later ()
{
  message_mime > "$out/message"
  submit "$out/message" "${login[@]}" later@example.org b@example.org
  expect 69 partial || return
  done_has '[.recipients[] | [.address, .code]] == [["later@example.org", 450], ["b@example.org", 250]]' || return
  expect_stored b "$out/message" && expect_nothing_stored
}

case_recipients-later-and-refused ()
{
  message_mime > "$out/message"
  submit "$out/message" "${login[@]}" later@example.org unknown@example.org b@example.org
  expect 69 partial || return
  expect_stored b "$out/message" && expect_nothing_stored
}

# refused STATUS RESULT CODES RECIPIENT...: nobody gets the message.
refused ()
{
  local wanted_status=$1 wanted_result=$2 codes=$3
  shift 3
  message_mime > "$out/message"
  submit "$out/message" "${login[@]}" "$@"
  expect "$wanted_status" "$wanted_result" || return
  done_has "[.recipients[].code] == $codes" && expect_nothing_stored
}

case_recipients-unknown () { refused 69 refused '[550]' unknown@example.org; }
case_recipients-all-refused () { refused 69 refused '[550, 550, 550]' unknown@example.org unknown-list@example.org nobody@example.org; }
case_recipients-all-later () { refused 75 deferred '[450]' later@example.org; }

# Port 25 relays for nobody who has not logged in.
case_recipients-relay-denied ()
{
  message_mime > "$out/message"
  submit "$out/message" --routes 25:starttls a@elsewhere.example
  expect 69 refused && done_has '.recipients[0].code == 554'
}

# --- Logging in, certificates -----------------------------------------------------------------------------

case_wrong-password-plain () { wrong_password PLAIN; }
case_wrong-password-login () { wrong_password LOGIN; }
case_wrong-password-scram-sha-1 () { wrong_password SCRAM-SHA-1; }
case_wrong-password-scram-sha-256 () { wrong_password SCRAM-SHA-256; }

# wrong_ca OPTION...: nothing is said to a server whose certificate nobody vouches for.
wrong_ca ()
{
  local ca_file=$SMTP_OTHER_CA_FILE
  message_mime > "$out/message"
  log_settle || fail "the server's log is not written" || return
  local logins
  logins=$(log_lines 'sasl_method=\|authentication failed')
  submit "$out/message" "$@" a@example.org
  expect 77 insecure || return
  done_has '.attempts[0].case == "tls" and ([.attempts[].port] | unique | length) == 1' || return
  log_settle || fail "the server's log is not written" || return
  [ "$(log_lines 'sasl_method=\|authentication failed')" = "$logins" ] || fail "the client tried to log in" || return
  expect_nothing_stored
}

case_wrong-ca-587 () { wrong_ca "${login[@]}"; }
case_wrong-ca-465 () { wrong_ca "${login[@]}" --plan submissions; }
case_wrong-ca-25 () { wrong_ca --routes 25:starttls; }

# A mechanism that was asked for and is not offered is not replaced by another.
case_mechanism-not-offered ()
{
  message_mime > "$out/message"
  submit "$out/message" "${login[@]}" --auth SCRAM-SHA-256-PLUS a@example.org
  [ "$status" = 77 ] || fail "exit status $status, not 77" || return
  expect_nothing_stored
}

# --- A network that blocks 587 ----------------------------------------------------------------------------

# Log-ins are taken at 587 and 465 only, as Debian sets Postfix up: the mail waits, or goes by 465, and nobody is accused.
case_587-blocked ()
{
  command -v nft >/dev/null || { skip_case "nft is not installed"; return; }
  message_mime > "$out/message"
  submit "$out/message" "${login[@]}" --memory "$out/memory" "$box@example.org"
  expect_delivered 587 ipv6 yes '"SCRAM-SHA-256"' && expect_stored "$box" "$out/message" || return
  nft add table inet blocked 2>"$out/nft" || { skip_case "nft: $(head -n 1 "$out/nft")"; return; }
  nft 'add chain inet blocked input { type filter hook input priority 0; }; add rule inet blocked input tcp dport 587 drop'
  blocked_587
  local result=$?
  nft delete table inet blocked
  return $result
}

blocked_587 ()
{
  local attempt_delay=0.25
  submit "$out/message" "${login[@]}" --memory "$out/memory" a@example.org
  expect 75 deferred || return
  done_has '.kind == "no-login" and (has("alarm") | not) and .text
            == "Port 25 of smtp.example.org takes no log-in, so mail cannot be submitted there; port 587 cannot be reached from here"' \
    || return
  expect_nothing_stored || return
  submit "$out/message" "${login[@]}" --memory "$out/memory" --routes 587:starttls,25:starttls,465:implicit \
         "$box@example.org"
  expect 0 delivered || return
  done_has '.port == 465 and [.attempts[] | select (.case == "no-login") | .port] == [25]' || return
  expect_stored "$box" "$out/message"
}
