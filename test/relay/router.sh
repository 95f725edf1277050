# router.sh --- a router leads the connections of other machines to the relay: a client, the router with the relay, and the server.
#
# Each is a network namespace, and the server is where the suite is.  The router passes nothing on, so that what arrives
# has come by the relay.  Sourced by run, after transparent.sh.  SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=bash

# new_namespace NAME: start a network namespace; the id of a process that lives in it is in $NAME.
new_namespace ()
{
  unshare --net sleep infinity &
  printf -v "$1" %s $!
  wait_until differs "$!" || fail "no namespace for $1"
}

differs ()
{
  [ "$(readlink "/proc/$1/ns/net")" != "$(readlink /proc/self/ns/net)" ]
}

in_client () { nsenter -t "$client" -n "$@"; }
in_router () { nsenter -t "$router" -n "$@"; }

make_router ()
{
  new_namespace client && new_namespace router || return
  ip -batch - <<END && in_client ip -batch - <<END2 && in_router ip -batch - <<END3
link add s0 type veth peer name r1 netns $router
addr add 10.9.0.2/24 dev s0
addr add fd00:9::2/64 dev s0 nodad
link set s0 up
END
link set lo up
link add c0 type veth peer name r0 netns $router
addr add 10.8.0.2/24 dev c0
addr add fd00:8::2/64 dev c0 nodad
link set c0 up
route add default via 10.8.0.1
route add default via fd00:8::1
END2
link set lo up
addr add 10.8.0.1/24 dev r0
addr add fd00:8::1/64 dev r0 nodad
addr add 10.9.0.1/24 dev r1
addr add fd00:9::1/64 dev r1 nodad
link set r0 up
link set r1 up
route add 192.0.2.0/24 via 10.9.0.2
route add 2001:db8::/64 via fd00:9::2
END3
}

remove_router ()
{
  ip link delete s0
  kill "$client" "$router"
  wait "$client" "$router"
} 2>/dev/null

# beside_router COMMAND OPTION...: COMMAND beside the router's relay.
beside_router ()
{
  local result config=$RELAY_CONFIG client='' router=''
  needs nft nsenter || return
  make_router || { remove_router; skip_case "no network of three machines can be made here"; return; }
  RELAY_CONFIG=$out/config.el
  { cat "$config"; printf '(setq mew-submit-accounts (quote (%s)))\n' "$account_here"; } > "$RELAY_CONFIG"
  relay_as=(nsenter -t "$router" -n)
  in_router nft "add table inet relaynat
                 add chain inet relaynat in { type nat hook prerouting priority -100; }
                 add rule inet relaynat in iifname r0 tcp dport { 25, 587 } redirect to :$relay_port" \
    && relay_start --transparent --listen "[::]:$relay_port" --ca-file "$SMTP_CA_FILE" --user "$SMTP_USER" \
                   --password-file "$SMTP_PASSWORD_FILE" "${@:2}"
  result=$?
  [ $result != 0 ] || { "$1"; result=$?; relay_stop; }
  remove_router
  RELAY_CONFIG=$config relay_as=(env)
  return $result
}

allowed=(--allow '10.8.0.0/24,fd00:8::/64')

# routed ADDRESS PORT: what swaks, of the other machine, is told there.
routed ()
{
  in_client swaks --server "$1" --port "$2" --from "$SMTP_SENDER" --to "$box@example.org" >"$out/client" 2>&1
}

router_clients ()
{
  local address port
  mail_text msmtp > "$out/mail"
  for address in 192.0.2.1 2001:db8::1
  do
    for port in 25 587
    do
      routed $address $port || fail "swaks, $address, $port: $(grep '^[<*]' "$out/client" | tail -n 2)" || return
      grep -q 'STARTTLS\|AUTH' "$out/client" && { fail "something is offered that is another server's"; return; }
      in_client msmtp --file=/dev/null --host $address --port $port --from "$SMTP_SENDER" "$box@example.org" <"$out/mail" \
        >"$out/client" 2>&1 || fail "msmtp, $address, $port: $(tail -n 2 "$out/client")" || return
    done
  done
  expect_mails "$box" 8 || return
  [ "$(grep -c 'is in the outbox' "$RELAY_LOG")" = 8 ] || fail "not all of them came by the relay"
}

case_router-clients () { needs swaks msmtp && beside_router router_clients "${allowed[@]}"; }

router_thunderbird ()
{
  local launcher=(nsenter -t "$client" -n)
  thunderbird_sends 'a password of another server' "$SMTP_HOST 587 none plain" \
    '2001:db8::1 25 none none' "$SMTP_HOST 587 starttls plain" || return
  expect_sent 1 sent && expect_sent 2 sent && expect_sent 3 'not sent: *STARTTLS*' || return
  expect_mails "$box" 2
}

case_router-thunderbird () { needs thunderbird python3 && beside_router router_thunderbird "${allowed[@]}"; }

# refused REASON: nobody of the other machine is let in, by either family.
refused ()
{
  local address
  for address in 192.0.2.1 2001:db8::1
  do
    routed $address 587 && { fail "mail to $address is taken"; return; }
    grep -q "^<\\*\\* 554 5\\.7\\.1 $1" "$out/client" || fail "told: $(grep '^<' "$out/client" | tail -n 2)" || return
  done
  queued_are 0 || fail "something is in the outbox"
}

router_stranger () { refused 'This relay serves its own machine only'; }
router_token () { refused 'A log-in is wanted, which nobody who is redirected is asked for'; }

# SECURITY: R8
case_router-strangers ()
{
  needs swaks || return
  echo 'a token' > "$out/token"
  beside_router router_stranger || return
  beside_router router_stranger --anyone || return
  beside_router router_stranger --allow '10.7.0.0/24,fd00:7::/64' || return
  beside_router router_stranger --token-file "$out/token" || return
  beside_router router_token --token-file "$out/token" "${allowed[@]}"
}
