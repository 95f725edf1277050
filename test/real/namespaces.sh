# namespaces.sh --- how the suites with real servers get namespaces of their own, or skip themselves.
#
# Sourced by the suites' programs, which set suite_name.  SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=bash

# skip ARGUMENT REASON: end the suite; ARGUMENT is its first, --shell where somebody waits for a shell.
skip ()
{
  if [ "${1:-}" = --shell ]
  then
    echo "$2" >&2
    exit 1
  fi
  echo "ok - $suite_name # SKIP $2"
  exit 0
}

# The first of the commands that is not installed; nothing when all are.
first_missing_command ()
{
  local command
  for command
  do
    command -v "$command" >/dev/null || { echo "$command"; return; }
  done
}

# Does COMMAND work?  It gets nothing of ours that it could hold on to, and an end: where there are no user namespaces
# unshare --map-auto leaves a child behind, for ever.
works ()
{
  timeout -k 1 60 "$@" </dev/null >/dev/null 2>&1
}

# How this user gets namespaces in which a server can change to the user id of USER, as an array of words in ENTER.
find_namespaces ()
{
  local user=$1 spaces=(--net --mount --pid --fork --kill-child)
  if [ "$(id -u)" = 0 ]
  then
    ENTER=(unshare "${spaces[@]}")
    works "${ENTER[@]}" true && return
  else
    ENTER=(unshare --map-root-user --map-auto "${spaces[@]}")
    works unshare --map-root-user true \
      && works "${ENTER[@]}" setpriv --reuid "$user" --regid "$(id -g "$user")" --clear-groups true && return
    # shellcheck disable=SC2034  # read by the programs
    ENTER=(sudo -n "EMACS=$EMACS" "SUITE_PART=${SUITE_PART:-}" "TMPDIR=${TMPDIR:-/tmp}" unshare "${spaces[@]}")
    works "${ENTER[@]}" true && return
  fi
  return 1
}
