# environment.sh --- what the race matrix and its timing have in common.
#
# Sourced by run, inside of the namespaces.  SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=bash

# Wait until COMMAND succeeds, at most 120 s: a machine may be slow.
wait_until ()
{
  local deadline=$((SECONDS + 120))
  until "$@" 2>/dev/null
  do
    [ $SECONDS -lt $deadline ] || return 1
    sleep 0.02
  done
}

give_up ()
{
  echo "not ok - race: $*"
  exit 1
}

# A directory for everything that is written, in RACE_WORK.
make_work ()
{
  RACE_WORK=$(mktemp -d)
  HOME=$RACE_WORK/home
  TMPDIR=$RACE_WORK/tmp
  export RACE_WORK HOME TMPDIR
  mkdir "$HOME" "$TMPDIR"
  unset XDG_CONFIG_HOME XDG_DATA_HOME XDG_CACHE_HOME EMAIL
  (umask 077; echo 'the password' > "$RACE_WORK/password"; echo 'another one' > "$RACE_WORK/wrong-password")
  cat > "$RACE_WORK/message" <<'END'
Subject: race
From: Sender <sender@example.org>
To: Somebody <somebody@example.org>
Date: Mon, 02 Nov 2026 10:00:00 +0000
Message-ID: <race.1@example.org>

Which way?
END
  children=()
  peer_prefix=()
}

remove_work ()
{
  [ ${#children[@]} = 0 ] || kill "${children[@]}" 2>/dev/null
  wait
  rm -rf "$RACE_WORK"
}

# Names come from FILE, and from nowhere else.
use_hosts ()
{
  echo 'hosts: files' | cat - <(grep -v '^hosts:' /etc/nsswitch.conf) > "$RACE_WORK/nsswitch.conf"
  mount --bind "$1" /etc/hosts && mount --bind "$RACE_WORK/nsswitch.conf" /etc/nsswitch.conf \
    || give_up "cannot put a private /etc/hosts in place"
}

# Start the test server with the options given (by way of the words in peer_prefix), and wait until it listens.
start_peer ()
{
  local peer=$MEW_SUBMIT_ROOT/test/peer/peer
  [ -x "$peer" ] || give_up "there is no test server: run make programs"
  "${peer_prefix[@]}" "$peer" --certs "$RACE_WORK/certs" --names "${peer_names:-*.example.org}" \
     --user alice --password 'the password' --log "$RACE_WORK/peer.log" --ready "$RACE_WORK/peer.ready" \
     --pid-watch "$@" >"$RACE_WORK/peer.out" 2>&1 &
  children+=($!)
  wait_until test -e "$RACE_WORK/peer.ready" || give_up "the test server does not start: $(cat "$RACE_WORK/peer.out")"
}

# The network of network.el, complete with servers.
matrix_network ()
{
  "$EMACS" -Q --batch -L "$MEW_SUBMIT_ROOT/test" -l race/network \
           --eval '(mew-submit-race-network-write (getenv "RACE_WORK"))' || give_up "the network cannot be described"
  ip link set lo up
  ip -batch "$RACE_WORK/addresses" 2>"$RACE_WORK/ip.log" || skip "no addresses: $(tail -n 1 "$RACE_WORK/ip.log")"
  nft -f "$RACE_WORK/rules.nft" 2>"$RACE_WORK/nft.log" || skip "nft: $(head -n 1 "$RACE_WORK/nft.log")"
  use_hosts "$RACE_WORK/hosts"
  start_peer --script "$RACE_WORK/peer.script"
}
