# enter.sh --- how the suites on networks of their own get namespaces, or skip themselves, and run parts side by side.
#
# Sourced by the suites' programs, outside of the namespaces.  SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=bash

# Does COMMAND work?  It gets nothing of ours that it could hold on to, and an end.
works ()
{
  timeout -k 1 60 "$@" </dev/null >/dev/null 2>&1
}

# How this user gets a network and a mount namespace, as an array of words in ENTER.
find_namespaces ()
{
  ENTER=(unshare --map-root-user --net --mount --kill-child --fork)
  works "${ENTER[@]}" true && return
  ENTER=(unshare --net --mount --kill-child --fork)
  works "${ENTER[@]}" true
}

# side_by_side FUNCTION WORD...: call FUNCTION with each WORD, all at once, and show what each says when it ends, in
# order.  Fails when one does.
side_by_side ()
{
  local function=$1 output word failed=0 pids=() i=0
  shift
  output=$(mktemp -d) || return
  # shellcheck disable=SC2064  # these, now
  trap "rm -rf '$output'" EXIT
  trap 'kill "${pids[@]}" 2>/dev/null; wait; exit 143' TERM INT HUP
  for word
  do
    # exec: a signal for the child is one for unshare, and so for all in its namespaces.
    "$function" "$word" </dev/null >"$output/$word" 2>"$output/$word.errors" &
    pids+=($!)
  done
  for word
  do
    wait "${pids[i++]}" || failed=1
    cat "$output/$word"
    cat "$output/$word.errors" >&2
  done
  return $failed
}
