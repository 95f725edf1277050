# timing.sh --- how long the race takes on a way that costs time, and who wins it then.
#
# The client's network namespace and the servers' are joined by test/path: a real way, on which a SYN-ACK takes its
# time.  Sourced by run.  SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=bash

failed=0

report ()
{
  local name=$1 wrong=$2
  if [ -z "$wrong" ]
  then
    echo "ok - race timing: $name"
  else
    echo "not ok - race timing: $name: $wrong"
    failed=1
  fi
}

# Run a command where the servers are.
in_servers ()
{
  nsenter --net="/proc/$holder/ns/net" "$@"
}

other_network ()
{
  [ "$(readlink "/proc/$holder/ns/net")" != "$(readlink /proc/self/ns/net)" ]
}

# A second network namespace, kept by a process that does nothing, with servers on ports 25 and 587.
start_servers ()
{
  unshare --net setpriv --pdeathsig KILL sleep infinity &
  holder=$!
  children+=("$holder")
  wait_until other_network || give_up "no second network namespace"
  in_servers ip link set lo up
  in_servers ip address add 192.0.2.1/32 dev lo
  in_servers ip address add 2001:db8::1/128 dev lo nodad
  peer_prefix=(nsenter --net="/proc/$holder/ns/net")
  start_peer 192.0.2.1:25,name=25 192.0.2.1:587,name=587 '[2001:db8::1]:25,name=25' '[2001:db8::1]:587,name=587'
}

write_hosts ()
{
  cat > "$RACE_WORK/hosts" <<'END'
192.0.2.1 smtp.example.org
2001:db8::1 smtp.example.org
192.0.2.1 ipv4.example.org
2001:db8::1 ipv6.example.org
END
}

# open_way DELAY EXTRA: join both namespaces; each packet takes DELAY ms, those from port 587 EXTRA ms more.
open_way ()
{
  coproc WAY { exec "$MEW_SUBMIT_ROOT/test/path/path" near far "$1" 587 "$2" 2>"$RACE_WORK/path.log"; }
  way_pid=$WAY_PID
  local ready  # or nothing, where the device cannot be made
  read -r ready <&"${WAY[0]}" || skip_timing "no tun device: $(cat "$RACE_WORK/path.log")"
  ip link set far netns "$holder"
  ip link set near up
  ip address add 198.51.100.1/32 dev near
  ip address add 2001:db8:1::1/128 dev near nodad
  ip route add 192.0.2.1 dev near src 198.51.100.1
  ip -6 route add 2001:db8::1 dev near src 2001:db8:1::1
  in_servers ip link set far up
  in_servers ip route add 198.51.100.1 dev far
  in_servers ip -6 route add 2001:db8:1::1 dev far
}

close_way ()
{
  exec {WAY[1]}>&-
  wait "$way_pid"
}

skip_timing ()
{
  echo "ok - race timing # SKIP $1"
  exit 0
}

# What the servers' packet filter does to port 587.
filter_nothing ()
{
  in_servers nft flush ruleset
}

filter_silent ()
{
  in_servers nft -f - <<'END'
flush ruleset
table inet race {
  chain input { type filter hook input priority 0
    tcp dport 587 drop
  }
}
END
}

# The first SYN to each address is lost; the second, from whatever socket, is answered.
filter_lossy ()
{
  in_servers nft -f - <<'END'
flush ruleset
table inet race {
  set lost4 { type ipv4_addr; size 16; flags dynamic
  }
  set lost6 { type ipv6_addr; size 16; flags dynamic
  }
  chain input { type filter hook input priority 0
    tcp dport 587 tcp flags & (syn | ack) == syn ip daddr != @lost4 add @lost4 { ip daddr } drop
    tcp dport 587 tcp flags & (syn | ack) == syn ip6 daddr != @lost6 add @lost6 { ip6 daddr } drop
  }
}
END
}

# submit HOST OPTION...: run the client.  Its last event is in $RACE_WORK/done, its time in $milliseconds.
submit ()
{
  local host=$1 start=$EPOCHREALTIME
  shift
  (cd "$MEW_SUBMIT_ROOT" && exec timeout 60 "$EMACS" -Q --batch -l mew-submit.el -f mew-submit-batch-send -- \
     --json --server "$host" --ca-file "$RACE_WORK/certs/ca.pem" --user alice --password-file "$RACE_WORK/password" \
     --from sender@example.org --fallback always --outbox "$RACE_WORK/outbox" "$@" somebody@example.org) \
    <"$RACE_WORK/message" >"$RACE_WORK/json" 2>"$RACE_WORK/stderr"
  status=$?
  milliseconds=$(((${EPOCHREALTIME/./} - ${start/./}) / 1000))
  tail -n 1 "$RACE_WORK/json" > "$RACE_WORK/done"
}

# The last event satisfies the jq expression.
done_has ()
{
  jq -e "$1" "$RACE_WORK/done" >/dev/null 2>&1
}

log_settled ()
{
  jq -es 'map(select(.event == "connect")) as $c | map(select(.event == "close")) | length == ($c | length)' \
     "$RACE_WORK/peer.log" >/dev/null
}

# Was a word said on a connection to port 25, by the log from line $1 on?
spoken_on_25 ()
{
  wait_until log_settled
  # On a long way the farewell of the message before may come in late.
  tail -n +"$1" "$RACE_WORK/peer.log" | jq -es 'any(.[]; .listener == "25" and .event == "line" and .text != "QUIT")' >/dev/null
}

# What is wrong with a delivery that has to go through port $1, or nothing.
delivery_wrong ()
{
  local log_start=$2
  if [ "$status" != 0 ]
  then
    echo "exit status $status: $(tail -n 1 "$RACE_WORK/stderr")"
  elif ! done_has ".result == \"delivered\" and .port == $1"
  then
    echo "not delivered through port $1: $(cut -c 1-600 "$RACE_WORK/done")"
  elif [ "$1" = 587 ] && spoken_on_25 "$log_start"
  then
    echo "something was said on port 25"
  elif [ "$1" = 25 ] && ! done_has '[.attempts[] | select(.port == 587) | .case] | length > 0 and all(. == 5)'
  then
    echo "port 587 is not case 5: $(jq -c .attempts "$RACE_WORK/done")"
  fi
}

# timed NAME PORT LIMIT HOST OPTION...: the message goes through PORT, within LIMIT ms from the start of Emacs.
timed ()
{
  local name=$1 port=$2 limit=$3
  shift 3
  local log_start=$(($(wc -l < "$RACE_WORK/peer.log") + 1))
  submit "$@"
  local wrong
  wrong=$(delivery_wrong "$port" "$log_start")
  [ -n "$wrong" ] || [ "$milliseconds" -le "$limit" ] || wrong="took $milliseconds ms, not $limit ms at most"
  report "$name" "$wrong"
  echo "# $milliseconds ms from the start of Emacs, $(jq .ms "$RACE_WORK/done") ms in the session"
}

# each NAME PORT LIMIT FILTER: with IPv4 only, IPv6 only, and both.
each ()
{
  local name=$1 port=$2 limit=$3 filter=$4 host
  for host in ipv4 ipv6 smtp
  do
    "$filter"
    timed "$name ($host)" "$port" "$limit" $host.example.org
  done
}

run_timing ()
{
  [ -x "$MEW_SUBMIT_ROOT/test/path/path" ] || give_up "there is no program test/path/path: run make programs"
  command -v jq >/dev/null || skip_timing "jq is not installed"
  [ -w /dev/net/tun ] || skip_timing "/dev/net/tun cannot be used"
  ip link set lo up
  write_hosts
  use_hosts "$RACE_WORK/hosts"
  start_servers

  local there
  for there in 0 10 100
  do
    local way="a round trip of $((2 * there)) ms"
    open_way $there 0
    filter_nothing
    timed "$way: all is well" 587 5000 smtp.example.org
    # Two seconds are promised; on a long way, the round trips of the conversation come on top.
    each "$way: port 587 is silent, the mail is soon accepted" 25 $((2000 + (there > 10 ? 20 * there : 0))) \
         filter_silent
    each "$way: the first SYN to port 587 is lost, 587 is used" 587 5000 filter_lossy
    filter_lossy
    timed "$way: the first SYN to port 587 is lost, 587 is used (plan symmetric)" 587 8000 \
          smtp.example.org --plan symmetric
    close_way
  done
  open_way 0 400
  each "400 ms more from port 587: 587 is used" 587 12000 filter_nothing
  close_way
  open_way 100 400
  timed "a round trip of 200 ms, 400 ms more from port 587: 587 is used" 587 20000 ipv4.example.org
  close_way
  return $failed
}
