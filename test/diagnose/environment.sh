# environment.sh --- three network namespaces in a row: client, router, server.
#
# Sourced by run, inside of the client's.  table.el says what they are for.
# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=bash

skip_rest ()
{
  echo "ok - diagnose # SKIP $1"
  exit 0
}

# Start a network namespace, in the variable named $1 the id of a process that lives in it.
new_namespace ()
{
  unshare --net sleep infinity &
  local pid=$!
  children+=("$pid")
  printf -v "$1" %s "$pid"
  wait_until differs "$pid" || give_up "no namespace for $1"
}

differs ()
{
  [ "$(readlink "/proc/$1/ns/net")" != "$(readlink /proc/self/ns/net)" ]
}

in_router () { nsenter -t "$router" -n "$@"; }
in_server () { nsenter -t "$server" -n "$@"; }

# Run commands of ip(8), one a line on standard input, in a namespace; the words before them enter it.
ip_batch ()
{
  "$@" ip -batch - 2>"$RACE_WORK/ip.log" || skip_rest "ip: $(tr "\n" " " <"$RACE_WORK/ip.log")"
}

# ICMP errors are not rationed here, and addresses are good at once.
set_kernel ()
{
  "$@" sysctl -qw net.ipv4.icmp_ratelimit=0 net.ipv6.icmp.ratelimit=0 net.ipv6.conf.all.accept_dad=0 \
       net.ipv6.conf.default.accept_dad=0 net.ipv6.conf.default.dad_transmits=0 2>"$RACE_WORK/sysctl.log" \
    || skip_rest "sysctl: $(head -n 1 "$RACE_WORK/sysctl.log")"
  # Of a namespace's own since Linux 6.12.
  "$@" sysctl -qw net.ipv4.icmp_msgs_per_sec=100000 net.ipv4.icmp_msgs_burst=10000 2>/dev/null
  return 0
}

make_links ()
{
  new_namespace router
  new_namespace server
  set_kernel
  set_kernel in_router
  set_kernel in_server
  in_router sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1
  in_server sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1
  ip link set lo up
  ip_batch <<END
link add c0 type veth peer name r0 netns $router
addr add 192.0.2.2/24 dev c0
addr add 2001:db8:c::2/64 dev c0 nodad
link set c0 up
END
  ip_batch in_router <<END
link set lo up
link add r1 type veth peer name s0 netns $server
addr add 192.0.2.9/24 dev r0
addr add 2001:db8:c::9/64 dev r0 nodad
addr add 203.0.113.1/24 dev r1
addr add 2001:db8:d::1/64 dev r1 nodad
link set r0 up
link set r1 up
END
}

# The ranges of table.el.  Range 12 has no route anywhere, range 1 none in the router.
make_routes ()
{
  {
    for range in 0 1 2 3 4 5 7; do
      echo "route add 198.18.$range.0/24 via 192.0.2.9"
      echo "route add 2001:db8:5:$range::/64 via 2001:db8:c::9"
    done
    echo "route add 64:ff9b::/96 via 2001:db8:c::9"
    echo "route add 203.0.113.0/24 via 192.0.2.9"
    echo "route add 2001:db8:d::/64 via 2001:db8:c::9"
    for what in unreachable:9 prohibit:10 blackhole:11; do
      echo "route add ${what%:*} 198.18.${what#*:}.0/24"
      printf 'route add %s 2001:db8:5:%x::/64\n' "${what%:*}" "${what#*:}"
    done
  } | ip_batch
  {
    for range in 0 5 7; do
      echo "route add 198.18.$range.0/24 via 203.0.113.2"
      echo "route add 2001:db8:5:$range::/64 via 2001:db8:d::2"
    done
    echo "route add 64:ff9b::/96 via 2001:db8:d::2"
    for what in unreachable:2 prohibit:3 blackhole:4; do
      echo "route add ${what%:*} 198.18.${what#*:}.0/24"
      echo "route add ${what%:*} 2001:db8:5:${what#*:}::/64"
    done
  } | ip_batch in_router
  # Whoever is asked at range 7 has no way to answer.
  ip_batch in_server <<END
link set lo up
addr add 203.0.113.2/24 dev s0
addr add 2001:db8:d::2/64 dev s0 nodad
link set s0 up
route add default via 203.0.113.1
route add default via 2001:db8:d::1
route add blackhole 0.0.0.0/0 table 7
route add blackhole ::/0 table 7
rule add from 198.18.7.0/24 lookup 7
END
  ip_batch in_server <"$RACE_WORK/addresses"
  in_server ip -6 rule add from 2001:db8:5:7::/64 lookup 7 || give_up "no rule for range 7"
}

make_filters ()
{
  nft -f "$RACE_WORK/self.nft" 2>"$RACE_WORK/nft.log" && in_router nft -f "$RACE_WORK/router.nft" 2>>"$RACE_WORK/nft.log" \
    && in_server nft -f "$RACE_WORK/server.nft" 2>>"$RACE_WORK/nft.log" || skip_rest "nft: $(head -n 1 "$RACE_WORK/nft.log")"
}

# diagnose_network [LIBRARY FUNCTION]: all of it, as LIBRARY's FUNCTION describes it.
diagnose_network ()
{
  "$EMACS" -Q --batch -L "$MEW_SUBMIT_ROOT/test" -l "diagnose/${1:-table}" \
           --eval "(${2:-mew-submit-diagnose-table-write} (getenv \"RACE_WORK\"))" || give_up "the network cannot be described"
  make_links
  make_routes
  make_filters
  use_hosts "$RACE_WORK/hosts"
  peer_prefix=(nsenter -t "$server" -n)
  start_peer --script "$RACE_WORK/peer.script"
}

# Start a service that prints a line with "ready": start_service NAME COMMAND...; it ends with our end of the pipe.
start_service ()
{
  local name=$1
  shift
  mkfifo "$RACE_WORK/$name.stdin"
  "$@" < "$RACE_WORK/$name.stdin" > "$RACE_WORK/$name.out" 2>&1 &
  children+=($!)
  exec {service_pipe}> "$RACE_WORK/$name.stdin"
  wait_until grep -q '^ready' "$RACE_WORK/$name.out" || give_up "no $name: $(cat "$RACE_WORK/$name.out")"
}

# Web pages and name servers, honest and not.
network_services ()
{
  local number=1 what
  start_service pages nsenter -t "$server" -n python3 "$here/page.py" "$RACE_WORK/pages"
  for what in honest lie nat64
  do
    start_service "dns-$what" python3 "$here/../domain/server.py" 127.0.0.$number 53 "$RACE_WORK/zone-$what"
    number=$((number + 1))
  done
}
