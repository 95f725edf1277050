# suite.sh --- run the batch client against a real server, look at what arrived, and run the cases.
#
# Sourced by the suites' programs, which set suite_name, the array case_files and accepted, a regexp
# for the reply to a message that was accepted.  A case is a function case_NAME in
# one of these files that prints nothing and succeeds, or prints one line with the reason and fails, with status 77
# where the case has to be skipped.
# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=bash

out=$SMTP_WORK/out

fail ()
{
  printf '%s\n' "$*"
  return 1
}

skip_case ()
{
  printf '%s\n' "$*"
  return 77
}

# submit MESSAGE OPTION... RECIPIENT...: run the batch client.  Its JSON is in $out/json, the last event in
# $out/done, its other output in $out/stderr, its exit status in $status.  Which of two addresses answers first is no
# matter of how busy the machine is: the second is tried when the first has failed, or after $attempt_delay.
submit ()
{
  local message=$1
  shift
  (cd "$MEW_SUBMIT_ROOT" && timeout "$wait_seconds" "$EMACS" -Q --batch --eval "(setq mew-submit-attempt-delay ${attempt_delay:-60})" \
     -l mew-submit.el -f mew-submit-batch-send -- --server "$SMTP_HOST" --from "$SMTP_SENDER" --ca-file "${ca_file:-$SMTP_CA_FILE}" \
     --outbox "$SMTP_WORK/outbox" --fallback always --json "$@") <"$message" >"$out/json" 2>"$out/stderr"
  status=$?
  tail -n 1 "$out/json" > "$out/done"
}

login=(--user "$SMTP_USER" --password-file "$SMTP_PASSWORD_FILE")

# The client ended with STATUS and RESULT.
expect ()
{
  [ "$status" = "$1" ] || fail "exit status $status, not $1: $(jq -r .text "$out/done")" || return
  jq -e ".event == \"done\" and .result == \"$2\"" "$out/done" >/dev/null \
    || fail "result $(jq -r .result "$out/done"), not $2: $(jq -r .text "$out/done")"
}

# The last event satisfies the jq expression.
done_has ()
{
  jq -e "$1" "$out/done" >/dev/null 2>&1 || fail "not so: $1: $(cut -c 1-500 "$out/done")"
}

# The message was accepted on PORT, by FAMILY, with TLS (yes or no), by MECHANISM (or null).
expect_delivered ()
{
  local port=$1 family=$2 tls=$3 mechanism=$4
  local address=2001:db8::1
  [ "$family" = ipv6 ] || address=192.0.2.1
  expect 0 delivered || return
  done_has ".port == $port and .family == \"$family\" and .address == \"$address\"" || return
  if [ "$tls" = yes ]
  then
    done_has '.tls.verified == true and (.tls.version | test("^TLS1[.][23]$"))' || return
  else
    done_has '.tls == null' || return
  fi
  done_has ".auth == $mechanism" || return
  done_has ".reply | test(\"$accepted\")" || return
  done_has 'all(.recipients[]; .code == 250) and (.recipients | length >= 1) and (.ms | type == "number")' || return
  done_has ".attempts[0] | .port == $port and .family == \"$family\" and .case == 1 and .icmp == null and .offender == null"
}

one_file_in ()
{
  [ "$(find "$SMTP_MAILBOXES/$1/new" -type f 2>/dev/null | wc -l)" = 1 ]
}

# MAILBOX holds one message, which is FILE after normalisation below the server's trace headers.
expect_stored ()
{
  local mailbox=$1 file=$2
  wait_until one_file_in "$mailbox" || fail "not one message in the mailbox $mailbox" || return
  local stored
  stored=$(find "$SMTP_MAILBOXES/$mailbox/new" -type f)
  local start
  start=$(LC_ALL=C grep -abm 1 '^Subject:' "$stored" | cut -d : -f 1)
  [ -n "$start" ] || fail "no Subject in the stored message" || return
  head -c "$start" "$stored" | grep -Evq '^(Return-Path|X-Original-To|Delivered-To|Received):|^[[:blank:]]' \
    && { fail "something before the message that is no trace header"; return; }
  normalised "$file" > "$out/expected"
  tail -c +$((start + 1)) "$stored" | as_written "$file" | cmp - "$out/expected" >"$out/difference" 2>&1 \
    || fail "the stored message differs: $(cat "$out/difference")" || return
  rm "$stored"
}

# No mailbox holds anything.  Only for messages that were refused: there is no reply to wait for.
expect_nothing_stored ()
{
  [ -z "$(find "$SMTP_MAILBOXES" -type f)" ] || fail "a message was stored"
}

# wrong_password MECHANISM: no mail, and port 25, where no password is needed, is not tried.
wrong_password ()
{
  message_mime > "$out/message"
  echo 'not the password' > "$out/password"
  submit "$out/message" --user "$SMTP_USER" --password-file "$out/password" --auth "$1" a@example.org
  expect 77 refused || return
  done_has 'all(.attempts[]; .port == 587)' || return
  grep -qF 'not the password' "$out/json" "$out/stderr" && { fail "the password is shown"; return; }
  expect_nothing_stored
}

# --- Running ----------------------------------------------------------------------------------------------

# The names of all cases, in the order of their files; with SUITE_PART=K/N every Nth of them from the Kth on.
list_cases ()
{
  local part=${SUITE_PART:-1/1}
  sed -n 's/^case_\([^ ]*\) ().*/\1/p' "${case_files[@]}" | awk -v k="${part%/*}" -v n="${part#*/}" 'NR % n == k % n'
}

# selected NAME GLOB...
selected ()
{
  local name=$1 glob
  shift
  [ $# = 0 ] && return
  for glob
  do
    case $name in $glob) return 0 ;; esac
  done
  return 1
}

run_cases ()
{
  local name reason box number=0 ran=0 failed=0
  # The whole suite has a plan, so that a test that vanishes is missed.
  [ $# -gt 0 ] || echo "1..$(list_cases | wc -l)"
  while read -r name <&4
  do
    # Each case has a mailbox of its own: a message that comes late disturbs no other case.
    number=$((number + 1))
    box=box-$number
    selected "$name" "$@" || continue
    ran=$((ran + 1))
    [ -z "${RUNNING_FILE:-}" ] || echo "$name" > "$RUNNING_FILE"
    # A case does not find what another one, that failed, left behind.
    find "$SMTP_MAILBOXES" -type f -delete
    reason=$("case_$name")
    case $? in
      0) echo "ok - $suite_name: $name" ;;
      77) echo "ok - $suite_name: $name # SKIP ${reason//$'\n'/ }" ;;
      *)
        echo "not ok - $suite_name: $name: ${reason//$'\n'/ }"
        failed=$((failed + 1))
        ;;
    esac
  done 4< <(list_cases)
  [ $ran -gt 0 ] || { echo "not ok - $suite_name: no such case: $*"; return 1; }
  [ $failed = 0 ] || { environment_report; return 1; }
}
