# far.sh --- what a preferred port is granted on a way so long that the margin alone would not do.
#
# Sourced by run, after timing.sh, whose network and servers it uses.  SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=bash

# A round trip of 600 ms: the second SYN to port 587 leaves when port 25 has answered, and its answer takes longer than
# the margin beyond the round trips.  Who wins is all that counts, not when.
run_far ()
{
  [ -x "$MEW_SUBMIT_ROOT/test/path/path" ] || give_up "there is no program test/path/path: run make programs"
  command -v jq >/dev/null || skip_timing "jq is not installed"
  [ -w /dev/net/tun ] || skip_timing "/dev/net/tun cannot be used"
  ip link set lo up
  write_hosts
  use_hosts "$RACE_WORK/hosts"
  start_servers

  local host log_start
  open_way 300 0
  for host in ipv4 ipv6
  do
    filter_lossy
    log_start=$(($(wc -l < "$RACE_WORK/peer.log") + 1))
    submit $host.example.org
    report "a round trip of 600 ms: the first SYN to port 587 is lost, 587 is used ($host)" \
           "$(delivery_wrong 587 "$log_start")"
  done
  close_way
  return "${failed:?}"
}
