# transparent.sh --- connections to other servers, which a rule of nftables leads to the relay.
#
# The relay is of the same user as the clients, and has a group of its own, which the rule leaves out.
# Sourced by run, after suite.sh, which says what a case is.  SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=bash

relay_group=$(id -g nobody)

# redirect MATCH...: lead what goes to a mail server to the relay, where MATCH holds.
redirect ()
{
  nft "add table inet relaynat; flush table inet relaynat;
       add chain inet relaynat out { type nat hook output priority -100; };
       add rule inet relaynat out $* tcp dport { 25, 587 } redirect to :$relay_port"
}

# with_transparent ACCOUNT MATCH COMMAND OPTION...: COMMAND beside a relay that has ACCOUNT, Lisp, and a redirection for MATCH.
with_transparent ()
{
  local result config=$RELAY_CONFIG
  needs setpriv nft || return
  RELAY_CONFIG=$out/config.el
  { cat "$config"; printf '(setq mew-submit-accounts (quote (%s)))\n' "$1"; } > "$RELAY_CONFIG"
  relay_as=(setpriv --regid "$relay_group" --keep-groups)
  redirect "$2" || { RELAY_CONFIG=$config relay_as=(env); skip_case "nft cannot redirect here"; return; }
  relay_start --transparent --ca-file "$SMTP_CA_FILE" --user "$SMTP_USER" --password-file "$SMTP_PASSWORD_FILE" "${@:4}"
  result=$?
  [ $result != 0 ] || { "$3"; result=$?; relay_stop; }
  nft 'delete table inet relaynat'
  RELAY_CONFIG=$config relay_as=(env)
  return $result
}

not_the_relay="meta skgid != $relay_group"
account_here="(:from \"$SMTP_SENDER\" :server \"$SMTP_HOST\")"

# They know nothing of it, whichever family they come by.
transparent_clients ()
{
  local port address url
  swaks --support 2>&1 | grep -q 'IPv6 supported' || skip_case "swaks has no IPv6: run make deps" || return
  mail_text client > "$out/mail"
  for address in 192.0.2.1 2001:db8::1
  do
    for port in 25 587
    do
      swaks --server "$address" --port $port --from "$SMTP_SENDER" --to "$box@example.org" >"$out/client" 2>&1 \
        || fail "swaks, $address, $port: $(grep '^[<*]' "$out/client" | tail -n 2)" || return
      grep -q 'STARTTLS\|AUTH' "$out/client" && { fail "something is offered that is another server's"; return; }
      msmtp --file=/dev/null --host "$address" --port $port --from "$SMTP_SENDER" "$box@example.org" <"$out/mail" \
        >"$out/client" 2>&1 || fail "msmtp, $address, $port: $(tail -n 2 "$out/client")" || return
    done
    url=smtp://$address:25
    [[ $address != *:* ]] || url="smtp://[$address]:25"
    curl -sS --crlf --url "$url" --mail-from "$SMTP_SENDER" --mail-rcpt "$box@example.org" \
         --upload-file "$out/mail" >"$out/client" 2>&1 || fail "curl to $address: $(tail -n 2 "$out/client")" || return
  done
  expect_mails "$box" 10 || return
  [ "$(grep -c 'is in the outbox' "$RELAY_LOG")" = 10 ] || fail "not all of them came by the relay"
}

case_transparent-clients () { needs swaks msmtp curl && with_transparent "$account_here" "$not_the_relay" transparent_clients; }

transparent_thunderbird ()
{
  local number
  thunderbird_sends 'a password of another server' "$SMTP_HOST 587 none none" '192.0.2.1 25 none none' '2001:db8::1 587 none none' \
    "$SMTP_HOST 587 none plain" "$SMTP_HOST 587 none encrypted" "$SMTP_HOST 587 starttls plain" || return
  for number in 1 2 3 4 5
  do
    expect_sent $number sent || return
  done
  # TLS that is demanded, and not to be had.
  expect_sent 6 'not sent: *STARTTLS*' || return
  grep -q 'a password of another server' "$RELAY_LOG" && { fail "its password is in the log"; return; }
  expect_mails "$box" 5
}

case_transparent-thunderbird ()
{
  needs thunderbird python3 && with_transparent "$account_here" "$not_the_relay" transparent_thunderbird
}

# With a certificate that it trusts for the server's name it goes on as it is set up; for another name it stops.
transparent_thunderbird_tls ()
{
  thunderbird_sends 'a password of another server' "$SMTP_HOST 587 starttls plain" '192.0.2.1 587 starttls plain' || return
  expect_sent 1 sent && expect_sent 2 'not sent: *does not match*' || return
  expect_mails "$box" 1
}

case_transparent-thunderbird-tls ()
{
  needs thunderbird python3 && with_transparent "$account_here" "$not_the_relay" transparent_thunderbird_tls \
    --certificate "$SMTP_WORK/server.pem" --key "$SMTP_WORK/server.key"
}

# With 587 blocked the client's mail goes by 25; its connection to 587 is not blocked, since it is redirected.
transparent_fallback ()
{
  block 587 drop || { skip_case "nft cannot be used here"; return; }
  swaks --server "$SMTP_HOST:587" --from "$SMTP_SENDER" --to "$box@example.org" >"$out/client" 2>&1
  local result=$?
  unblock
  [ $result = 0 ] || fail "$(grep '^[<*]' "$out/client" | tail -n 2)" || return
  expect_mails "$box" 1
}

case_transparent-fallback () { needs swaks && with_transparent "$account_here" "$not_the_relay" transparent_fallback; }

# Whose account is it?  The server's that was called, where there is none for the sender; with neither it is the client's again.
transparent_by_server ()
{
  swaks --server "$SMTP_HOST:587" --from "$SMTP_SENDER" --to "$box@example.org" >"$out/client" 2>&1 \
    || fail "by the server: $(grep '^[<*]' "$out/client" | tail -n 2)" || return
  expect_mails "$box" 1
}

case_transparent-by-server ()
{
  needs swaks && with_transparent "(:from \"somebody@else.example\" :server \"192.0.2.9\")
    (:from \"somebody@else.example\" :server \"$SMTP_HOST\")" "$not_the_relay" transparent_by_server
}

transparent_none ()
{
  swaks --server "$SMTP_HOST:587" --from "$SMTP_SENDER" --to "$box@example.org" >"$out/client" 2>&1 \
    && { fail "it is taken"; return; }
  grep -q '^<\*\* 451 4\.3\.5 No account is for' "$out/client" || fail "told: $(grep '^<' "$out/client" | tail -n 2)" || return
  queued_are 0 || fail "it is in the outbox, too"
}

case_transparent-no-account ()
{
  needs swaks && with_transparent '(:from "somebody@else.example" :server "192.0.2.9")' "$not_the_relay" transparent_none
}

# SECURITY: R6
transparent_token ()
{
  swaks --server "$SMTP_HOST:587" --from "$SMTP_SENDER" --to "$box@example.org" --auth PLAIN --auth-user alice \
        --auth-password 'a password of another server' >"$out/client" 2>&1
  grep -q '^ -> AUTH' "$out/client" && { fail "the client has shown its password"; return; }
  swaks --server "$SMTP_HOST:587" --from "$SMTP_SENDER" --to "$box@example.org" >"$out/client" 2>&1 \
    || fail "$(grep '^[<*]' "$out/client" | tail -n 2)" || return
  setpriv --reuid nobody --regid 0 --clear-groups swaks --server "$SMTP_HOST:587" --from "$SMTP_SENDER" --to "$box@example.org" \
          >"$out/client" 2>&1 && { fail "another user's mail is taken"; return; }
  grep -q '^<\*\* 554 5\.7\.1' "$out/client" || fail "told: $(grep '^<' "$out/client" | tail -n 2)" || return
  expect_mails "$box" 1
}

case_transparent-token ()
{
  echo 'a token' > "$out/token"
  needs swaks && with_transparent "$account_here" "$not_the_relay" transparent_token --token-file "$out/token"
}

# SECURITY: R7
transparent_loop ()
{
  swaks --server "$SMTP_HOST:587" --from "$SMTP_SENDER" --to "$box@example.org" >"$out/client" 2>&1
  wait_until grep -q "own connection was led back" "$RELAY_LOG" || fail "the loop is not noticed" || return
  [ "$(grep -c 'is in the outbox' "$RELAY_LOG")" = 1 ] || fail "it has gone round"
}

case_transparent-loop () { needs swaks && with_transparent "$account_here" 'meta skgid >= 0' transparent_loop; }
