# timing.sh --- what the race waits for on a way that costs time, and who wins it then.
#
# The client's network namespace and the servers' are joined by test/path: a real way, on which a SYN-ACK takes its
# time.  Judged is what the client decided: what it granted a silent port, by its own account, and the SYNs that the
# servers saw; no clock of ours.  Where a machine is so busy that the way itself was late, the case is run again.
# Sourced by run.  SPDX-License-Identifier: GPL-3.0-or-later
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

# The servers' packet filter: what it does to port 587 is in the words of the rules $1, with the sets $2.  It notes the
# sockets whose SYNs came there.
filter ()
{
  in_servers nft -f - <<END
flush ruleset
table inet race {
  set syns4 { type ipv4_addr . inet_service; size 64; flags dynamic
  }
  set syns6 { type ipv6_addr . inet_service; size 64; flags dynamic
  }
  ${2:-}
  chain input { type filter hook input priority 0
    tcp dport 587 tcp flags & (syn | ack) == syn add @syns4 { ip daddr . tcp sport }
    tcp dport 587 tcp flags & (syn | ack) == syn add @syns6 { ip6 daddr . tcp sport }
    $1
  }
}
END
}

filter_nothing () { filter ''; }

filter_silent () { filter 'tcp dport 587 drop'; }

# The first SYN to each address is lost; the second, from whatever socket, is answered.
filter_lossy ()
{
  filter 'tcp dport 587 tcp flags & (syn | ack) == syn ip daddr != @lost4 add @lost4 { ip daddr } drop
    tcp dport 587 tcp flags & (syn | ack) == syn ip6 daddr != @lost6 add @lost6 { ip6 daddr } drop' \
         'set lost4 { type ipv4_addr; size 16; flags dynamic
  }
  set lost6 { type ipv6_addr; size 16; flags dynamic
  }'
}

# From how many sockets SYNs came to port 587 of ADDRESS.
sockets_to ()
{
  in_servers nft list table inet race | grep -oF "$1 . " | wc -l
}

# By how many milliseconds the way was late at most since it was asked last.
way_late ()
{
  local late=0
  echo >&"${WAY[1]}"
  read -r late <&"${WAY[0]}"
  echo "$late"
}

# submit HOST OPTION...: run the client.  Its last event is in $RACE_WORK/done.
submit ()
{
  local host=$1
  shift
  (cd "$MEW_SUBMIT_ROOT" && exec timeout 300 "$EMACS" -Q --batch -l mew-submit.el -f mew-submit-batch-send -- \
     --json --server "$host" --ca-file "$RACE_WORK/certs/ca.pem" --user alice --password-file "$RACE_WORK/password" \
     --from sender@example.org --fallback always --outbox "$RACE_WORK/outbox" "$@" somebody@example.org) \
    <"$RACE_WORK/message" >"$RACE_WORK/json" 2>"$RACE_WORK/stderr"
  status=$?
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

# What is wrong with the patience for port 587, which is silent, or nothing: it has let two SYNs go by, from two sockets,
# and what it was granted since the second is two round trips, as port 25 measured them, and half a second.
grace_wrong ()
{
  local least=$1 address
  for address in $(jq -r '.attempts[] | select(.port == 587) | .address' "$RACE_WORK/done")
  do
    [ "$(sockets_to "$address")" = 2 ] || { echo "SYNs to $address from $(sockets_to "$address") sockets, not 2"; return; }
  done
  done_has '([.attempts[] | select(.port == 25) | .ms] | max) as $r
            | [.attempts[] | select(.port == 587)]
            | all(.grace != null and .grace >= 500 + 2 * '"$least"' and .grace <= 500.01 + 2 * $r
                  and .limit >= .grace and .ms >= .limit)' \
    || echo "not the patience it should have had: $(jq -c '.attempts' "$RACE_WORK/done")"
}

# Port 587 was not taken for silent, and if the first SYN had to be lost it was.
heard_wrong ()
{
  if done_has 'any(.attempts[]; .port == 587 and .case == 5)'
  then
    echo "port 587 was taken for silent: $(jq -c .attempts "$RACE_WORK/done")"
  elif [ "$1" = filter_lossy ] && ! in_servers nft list table inet race | grep -A 4 'set lost' | grep -q elements
  then
    echo "no SYN was lost"
  fi
}

# timed NAME PORT FILTER HOST OPTION...: with FILTER, the message goes through PORT.
timed ()
{
  local name=$1 port=$2 filter=$3 log_start wrong late try
  shift 3
  for try in {1..10}
  do
    "$filter"
    log_start=$(($(wc -l < "$RACE_WORK/peer.log") + 1))
    way_late >/dev/null
    submit "$@"
    late=$(way_late)
    wrong=$(delivery_wrong "$port" "$log_start")
    [ -n "$wrong" ] || if [ "$port" = 25 ]; then wrong=$(grace_wrong $((2 * there))); else wrong=$(heard_wrong "$filter"); fi
    # The way is granted that much: what has failed on a later one is tried again.
    [ -n "$wrong" ] && [ "$late" -gt 200 ] || break
    echo "# try $try: $wrong; the way was $late ms late"
  done
  if [ -n "$wrong" ] && [ "$late" -gt 200 ]
  then
    echo "ok - race timing: $name # SKIP each time the way was late, by $late ms now: this machine is too busy"
  else
    report "$name" "$wrong"
  fi
  echo "# $(jq .ms "$RACE_WORK/done") ms in the session; the way was $late ms late"
}

# each NAME PORT FILTER: with IPv4 only, IPv6 only, and both.
each ()
{
  local name=$1 host
  shift
  for host in ipv4 ipv6 smtp
  do
    timed "$name ($host)" "$@" $host.example.org
  done
}

# The ways that are tried, each in a network of its own: ms each way, and what port 587 takes in addition.
timing_ways='0 10 100 0+400 100+400'

# run_timing WAY
run_timing ()
{
  [ -x "$MEW_SUBMIT_ROOT/test/path/path" ] || give_up "there is no program test/path/path: run make programs"
  [ -w /dev/net/tun ] || skip_timing "/dev/net/tun cannot be used"
  ip link set lo up
  write_hosts
  use_hosts "$RACE_WORK/hosts"
  start_servers
  local there=${1%+*} way
  way="a round trip of $((2 * there)) ms"
  case $1 in
    0+400)
      open_way 0 400
      each "400 ms more from port 587: 587 is used" 587 filter_nothing
      ;;
    *+400)
      open_way "$there" 400
      timed "$way, 400 ms more from port 587: 587 is used" 587 filter_nothing ipv4.example.org
      ;;
    *)
      open_way "$there" 0
      timed "$way: all is well" 587 filter_nothing smtp.example.org
      each "$way: port 587 is silent, the mail is soon accepted" 25 filter_silent
      each "$way: the first SYN to port 587 is lost, 587 is used" 587 filter_lossy
      timed "$way: the first SYN to port 587 is lost, 587 is used (plan symmetric)" 587 filter_lossy \
            smtp.example.org --plan symmetric
      ;;
  esac
  close_way
  return $failed
}
