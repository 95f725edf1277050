# names.sh --- servers whose names say how they want to be reached: smtps-* and starttls-*, on the real ports 26 and 25.
#
# Each host has an address of its own in both families.  Sourced by run.
# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=bash

# NAME | what port 26 is | what port 25 is | what port 587 is: directives for the test server, or - for nobody there.
# `silent' is a port whose SYNs the packet filter drops.
names_hosts='
smtps-open|implicit|good|-
smtps-refused|-|good|-
smtps-silent|silent|good|-
smtps-bad-name|implicit,cert=othername|good|-
smtps-expired|implicit,cert=expired|good|-
smtps-unknown-ca|implicit,cert=unknown-ca|good|-
smtps-plaintext|plain|good|-
smtps-alert|implicit,tls=alert:40|good|-
smtps-busy|implicit,greeting=reply:421 4.3.2 Not now|good|-
smtps-closes|accept-close|good|-
smtps-then-stripped|-|cap-=STARTTLS|-
smtps-then-mangled|-|cap-=STARTTLS,cap+=XXXXXXXA|-
smtps-then-bad-name|-|cert=othername|-
smtps-shut|-|-|good
starttls-open|-|good|-
starttls-stripped|implicit|cap-=STARTTLS|good
starttls-refused|implicit|starttls=reply:502 5.5.1 No|good
starttls-bad-name|implicit|cert=othername|good
starttls-shut|implicit|-|good
mysmtps-open|implicit|good|good
'

names_failed=0

names_report ()
{
  if [ -z "$2" ]; then echo "ok - race names: $1"; else echo "not ok - race names: $1: $2"; names_failed=1; fi
}

# One listener for each port and family of all hosts, called HOST/PORT.
names_listener ()
{
  local name=$1 number=$2 port=$3 what=$4 address
  case $what in
    -) return ;;
    silent) what=good ;;
  esac
  for address in "192.0.2.$number" "[2001:db8::$number]"
  do
    printf '%s:%d,name=%s/%d\n' "$address" "$port" "$name" "$port"
    if [ "$what" != good ]; then tr , '\n' <<<"$what" | sed 's/^/  /'; fi
  done
}

names_network ()
{
  local number=0 name p26 p25 p587
  ip link set lo up
  while IFS='|' read -r name p26 p25 p587
  do
    [ -n "$name" ] || continue
    number=$((number + 1))
    ip address add "192.0.2.$number/32" dev lo
    ip address add "2001:db8::$number/128" dev lo nodad || skip "no IPv6 in a new network namespace"
    printf '192.0.2.%d %s.example.org\n2001:db8::%d %s.example.org\n' $number "$name" $number "$name" >> "$RACE_WORK/hosts"
    { names_listener "$name" $number 26 "$p26"
      names_listener "$name" $number 25 "$p25"
      names_listener "$name" $number 587 "$p587"; } >> "$RACE_WORK/peer.script"
    if [ "$p26" = silent ]
    then
      nft -f - <<END || skip "nft does not work here"
table inet names {
  chain input { type filter hook input priority 0
    ip daddr 192.0.2.$number tcp dport 26 drop
    ip6 daddr 2001:db8::$number tcp dport 26 drop
  }
}
END
    fi
  done <<<"$names_hosts"
  use_hosts "$RACE_WORK/hosts"
  start_peer --script "$RACE_WORK/peer.script"
}

# names_send HOST OPTION...: one message; its end is in done, its exit status in status.
names_send ()
{
  local host=$1; shift
  names_seen=$(wc -l < "$RACE_WORK/peer.log")
  (cd "$MEW_SUBMIT_ROOT" && timeout 300 "$EMACS" -Q --batch -l mew-submit.el -f mew-submit-batch-send -- --json \
     --server "$host.example.org" --ca-file "$RACE_WORK/certs/ca.pem" --user alice --password-file "$RACE_WORK/password" \
     --from sender@example.org --outbox "$RACE_WORK/outbox" --fallback always --timeout 2 "$@" somebody@example.org) \
    <"$RACE_WORK/message" >"$RACE_WORK/json" 2>"$RACE_WORK/stderr"
  status=$?
  tail -n 1 "$RACE_WORK/json" > "$RACE_WORK/done"
}

# What the servers saw of it: lines of the log with members EVENT and LISTENER, as "LISTENER WORDS".
names_saw ()
{
  tail -n "+$((names_seen + 1))" "$RACE_WORK/peer.log" | jq -r "select(.event == \"$1\") | .listener + \" \" + (${2:-\"\"})"
}

# No secret and no envelope left without TLS, on whatever port.
names_clear ()
{
  tail -n "+$((names_seen + 1))" "$RACE_WORK/peer.log" |
    jq -r 'select(.event == "line" and (.tls | not) and (.text | test("^(AUTH|MAIL|RCPT|DATA|BDAT)"))) | .text' | head -n 1
}

# names_case WHAT HOST RESULT STATUS PORT UNTOUCHED OPTION...: a message to HOST ends with RESULT and STATUS, at PORT (or
# null); no connection was made to the port UNTOUCHED (or -).
names_case ()
{
  local what=$1 host=$2 result=$3 wanted=$4 port=$5 untouched=$6 wrong=; shift 6
  names_send "$host" "$@"
  if [ "$status" != "$wanted" ]
  then
    wrong="exit status $status, not $wanted: $(jq -r .text "$RACE_WORK/done")"
  elif ! jq -e ".result == \"$result\" and .port == $port" "$RACE_WORK/done" >/dev/null
  then
    wrong="not $result at port $port: $(cut -c 1-300 "$RACE_WORK/done")"
  elif [ "$result" = delivered ] && ! jq -e '.tls.verified and .auth != null' "$RACE_WORK/done" >/dev/null
  then
    wrong="no verified TLS, or not logged in"
  elif [ "$result" != delivered ] && [ -n "$(names_saw message)" ]
  then
    wrong="a message arrived all the same"
  elif [ -n "$(names_clear)" ]
  then
    wrong="in the clear: $(names_clear)"
  elif [ "$untouched" != - ] && names_saw connect | grep -q "/$untouched "
  then
    wrong="port $untouched was used"
  fi
  names_report "$what" "$wrong"
}

run_names ()
{
  names_network
  names_case 'smtps-*: implicit TLS on 26' smtps-open delivered 0 26 25
  names_case 'smtps-*: 26 refused, 25 with STARTTLS' smtps-refused delivered 0 25 -
  names_case 'smtps-*: 26 silent, 25 with STARTTLS' smtps-silent delivered 0 25 -
  names_case 'smtps-*: 26 closes before a word, 25 with STARTTLS' smtps-closes delivered 0 25 -
  names_case 'smtps-*: a certificate for another name on 26 stops' smtps-bad-name insecure 77 26 25
  names_case 'smtps-*: an expired certificate on 26 stops' smtps-expired insecure 77 26 25
  names_case 'smtps-*: an unknown authority on 26 stops' smtps-unknown-ca insecure 77 26 25
  names_case 'smtps-*: a handshake that fails on 26 stops' smtps-alert insecure 77 26 25
  names_case 'smtps-*: plaintext on 26 stops' smtps-plaintext insecure 77 26 25
  names_case 'smtps-*: a server on 26 that is busy stops' smtps-busy deferred 75 26 25
  names_case 'smtps-*: STARTTLS stripped from 25 is no way out' smtps-then-stripped insecure 77 25 587
  names_case 'smtps-*: STARTTLS mangled on 25 is no way out' smtps-then-mangled insecure 77 25 587
  names_case 'smtps-*: a bad certificate on 25 is no way out' smtps-then-bad-name insecure 77 25 587
  names_case 'smtps-*: nobody on 26 and 25, and 587 is not asked' smtps-shut deferred 75 null 587
  names_case 'smtps-*: --fallback never stays on 26' smtps-refused deferred 75 null 25 --fallback never
  names_case 'starttls-*: STARTTLS on 25' starttls-open delivered 0 25 26
  names_case 'starttls-*: stripped' starttls-stripped insecure 77 25 587
  names_case 'starttls-*: refused' starttls-refused insecure 77 25 587
  names_case 'starttls-*: a bad certificate' starttls-bad-name insecure 77 25 587
  names_case 'starttls-*: nobody on 25, and no other port is asked' starttls-shut deferred 75 null 587
  for level in none opportunistic
  do
    names_case "--tls $level does not lower smtps-*: implicit" smtps-open delivered 0 26 25 --tls $level
    names_case "--tls $level does not lower smtps-*: STARTTLS" smtps-refused delivered 0 25 - --tls $level
    names_case "--tls $level does not lower smtps-*: stripped" smtps-then-stripped insecure 77 25 - --tls $level
    names_case "--tls $level does not lower smtps-*: bad certificate" smtps-bad-name insecure 77 26 25 --tls $level
    names_case "--tls $level does not lower starttls-*: stripped" starttls-stripped insecure 77 25 - --tls $level
    names_case "--tls $level does not lower starttls-*: bad certificate" starttls-bad-name insecure 77 25 - --tls $level
  done
  names_case 'the case of the name makes no difference' SMTPS-Open delivered 0 26 25
  names_case 'a name that only contains it says nothing' mysmtps-open delivered 0 587 26
  return $names_failed
}
