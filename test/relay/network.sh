# network.sh --- clients that are not to be served, and a network that does not serve.
#
# Sourced by run, after suite.sh, which says what a case is.  SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=bash

# The greeting at $1, port $2; a command may be put before it.
greeting ()
{
  "${@:3}" timeout 120 bash -c 'exec 3<>"/dev/tcp/$0/$1" && IFS= read -r line <&3 && printf %s "$line"' "$1" "$2" 2>/dev/null
}

expect_greeting ()
{
  local found
  found=$(greeting "${@:2}")
  [[ $found == "$1"* ]] || fail "greeted by \"$found\", not $1"
}

# --- Who may come in --------------------------------------------------------------------------------------

strangers ()
{
  local other=(setpriv --reuid nobody --regid "$(id -g nobody)" --clear-groups)
  expect_greeting 220 127.0.0.1 $relay_port || return
  expect_greeting '554 5.7.1' 127.0.0.1 $relay_port "${other[@]}" || return
  expect_greeting '554 5.7.1' ::1 $relay_port "${other[@]}" || return
  # It listens nowhere else.
  expect_greeting '' 192.0.2.1 $relay_port
}

case_another-user () { needs setpriv && with_relay strangers; }

case_another-user-with-token ()
{
  needs setpriv swaks || return
  local other=(setpriv --reuid nobody --regid "$(id -g nobody)" --clear-groups)
  echo 'a token of its own' > "$out/token"
  relay_start "${account[@]}" --token-file "$out/token" || return
  "${other[@]}" swaks --server 127.0.0.1:$relay_port --from "$SMTP_SENDER" --to "$box@example.org" >"$out/client" 2>&1
  local without=$?
  "${other[@]}" swaks --server 127.0.0.1:$relay_port --from "$SMTP_SENDER" --to "$box@example.org" --auth PLAIN \
                --auth-user x --auth-password 'a token of its own' >"$out/client" 2>&1
  local with=$?
  relay_stop
  [ $without != 0 ] || fail "mail is taken without the token" || return
  [ $with = 0 ] || fail "mail is not taken with the token: $(grep '^<' "$out/client" | tail -n 2)" || return
  grep -qF 'a token of its own' "$RELAY_LOG" && { fail "the token is in the log"; return; }
  expect_mails "$box" 1
}

case_other-machines ()
{
  relay_start "${account[@]}" --listen "0.0.0.0:$relay_port" || return
  expect_greeting '554 5.7.1' 192.0.2.1 $relay_port && expect_greeting 220 127.0.0.1 $relay_port
  local result=$?
  relay_stop
  [ $result = 0 ] || return
  relay_start "${account[@]}" --listen "0.0.0.0:$relay_port" --allow 192.0.2.0/24 || return
  expect_greeting 220 192.0.2.1 $relay_port
  result=$?
  relay_stop
  return $result
}

# --- Hostile clients --------------------------------------------------------------------------------------

case_hostile-clients ()
{
  needs python3 || return
  rm -rf "$SMTP_WORK/sink"
  export RELAY_GAP=$out/gap
  relay_start --sink "$SMTP_WORK/sink" --size 10000000
  local started=$?
  unset RELAY_GAP
  [ $started = 0 ] || return
  python3 "$MEW_SUBMIT_ROOT/test/relay/hostile.py" $relay_port "$out/gap" >"$out/client" 2>&1
  local result=$? memory
  memory=$(ps -o rss= -p "$relay_pid")
  relay_stop
  [ $result = 0 ] || fail "$(tail -n 1 "$out/client")" || return
  [ "$memory" -lt 250000 ] || fail "the relay has $memory KiB" || return
  ! find "$SMTP_WORK/sink" -name '*.part' | grep -q . || fail "something unfinished is left"
}

# --- The network ------------------------------------------------------------------------------------------

block ()
{
  nft "add table inet relaytest; flush table inet relaytest;
       add chain inet relaytest in { type filter hook input priority 0; };
       add rule inet relaytest in tcp dport { $1 } $2"
}

unblock ()
{
  nft 'delete table inet relaytest' 2>/dev/null
}

blocked ()
{
  local reply
  block 587 drop || { skip_case "nft cannot be used here"; return; }
  swaks --server 127.0.0.1:$relay_port --from "$SMTP_SENDER" --to "$box@example.org" >"$out/client" 2>&1 \
    || { unblock; fail "587 blocked: $(grep '^<' "$out/client" | tail -n 2)"; return; }
  reply=$(grep '^<-  250 2\.0\.0' "$out/client" | tail -n 1)
  expect_mails "$box" 1 || { unblock; return 1; }
  [[ $reply == *'Ok: '*'queued as'* ]] || { unblock; fail "587 blocked: $reply"; return; }
  block '25, 587' 'reject with tcp reset'
  swaks --server 127.0.0.1:$relay_port --from "$SMTP_SENDER" --to "$box@example.org" >"$out/client" 2>&1
  local result=$?
  reply=$(grep '^<-  250 2\.0\.0' "$out/client" | tail -n 1)
  local waiting
  waiting=$(queued)
  unblock
  [ $result = 0 ] && [[ $reply == *'queued as'*': '* ]] || fail "all blocked: $(grep '^<' "$out/client" | tail -n 2)" || return
  [ "$waiting" = 1 ] || fail "$waiting messages in the outbox" || return
  expect_mails "$box" 2
}

# A connection that is kept for the next message would be cut, too: that is another case.
case_network-blocked () { needs swaks nft && RELAY_KEEP=0 with_relay blocked; }

# SIGTERM while a client waits: it is told what is true, and the next relay sends it.
case_told-to-stop ()
{
  needs swaks nft || return
  relay_start "${account[@]}" --timeout 30 || return
  block '25, 587' drop || { relay_stop; skip_case "nft cannot be used here"; return; }
  swaks --server 127.0.0.1:$relay_port --from "$SMTP_SENDER" --to "$box@example.org" >"$out/client" 2>&1 &
  local client=$!
  wait_until grep -q 'is in the outbox' "$RELAY_LOG"
  relay_stop
  local status=$?
  wait $client
  unblock
  [ $status = 0 ] || fail "the relay ended with $status" || return
  grep -q '^<-  250 2\.0\.0 queued as' "$out/client" || fail "told: $(grep '^<' "$out/client" | tail -n 1)" || return
  queued_are 1 || fail "$(queued) messages in the outbox" || return
  mv "$RELAY_OUTBOX" "$out/left"
  relay_start "${account[@]}" || return
  relay_stop
  mv "$out/left"/*.e* "$RELAY_OUTBOX"
  (cd "$MEW_SUBMIT_ROOT" && "$EMACS" -Q --batch -l mew-submit.el -f mew-submit-batch-outbox -- --outbox "$RELAY_OUTBOX" \
     --flush) >"$out/flush" 2>&1 || fail "flush: $(tail -n 1 "$out/flush")" || return
  expect_mails "$box" 1
}
