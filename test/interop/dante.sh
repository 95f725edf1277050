# dante.sh --- Dante, a SOCKS5 proxy that wants a user's password, beside the server.
#
# Sourced by run.  SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=bash

dante_user=proxy-user
dante_password='secret of the proxy'
dante_port=1080

# Dante looks its users up in the system's files: private copies of these have one more.
dante_start ()
{
  local name hash
  dante_missing=
  if ! command -v danted >/dev/null
  then
    dante_missing='danted is not installed'
    return 0
  fi
  hash=$(openssl passwd -6 "$dante_password") || return
  for name in passwd shadow
  do
    # Who is not root outside of the namespaces cannot read /etc/shadow.
    install -m 600 "/etc/$name" "$SMTP_WORK/dante-$name" 2>/dev/null \
      && mount --bind "$SMTP_WORK/dante-$name" "/etc/$name" \
      || { dante_missing="/etc/$name cannot be read by this user"; return 0; }
  done
  chmod 644 "$SMTP_WORK/dante-passwd"
  echo "$dante_user:x:$(id -u nobody):$(id -g nobody)::/nonexistent:/usr/sbin/nologin" >> "$SMTP_WORK/dante-passwd"
  echo "$dante_user:$hash:20000:0:99999:7:::" >> "$SMTP_WORK/dante-shadow"
  cat > "$SMTP_WORK/danted.conf" <<END
logoutput: $SMTP_WORK/log/dante
internal: 127.0.0.1 port = $dante_port
external: lo
socksmethod: username
clientmethod: none
user.privileged: root
user.unprivileged: nobody
client pass {
  from: 127.0.0.0/8 to: 0.0.0.0/0
}
socks pass {
  from: 127.0.0.0/8 to: 0/0
  protocol: tcp
}
END
  danted -f "$SMTP_WORK/danted.conf" >"$SMTP_WORK/log/dante-output" 2>&1 </dev/null &
  wait_until port_open 127.0.0.1 $dante_port
}

# What auth-source knows of the proxy.
dante_tell ()
{
  (umask 077; printf 'machine 127.0.0.1 port %d login %s password "%s"\n' $dante_port $dante_user "$1" > "$HOME/.authinfo")
}

# through_dante TEST...: TEST is run with what the proxy needs; tunnel is the option.
through_dante ()
{
  [ -z "$dante_missing" ] || skip_case "$dante_missing" || return
  dante_tell "$dante_password"
  tunnel=(--tunnel "socks5:$dante_user@127.0.0.1:$dante_port")
  "$@"
}

dante_delivery ()
{
  message_mime > "$out/message"
  submit "$out/message" "${login[@]}" "${tunnel[@]}" "$@" "$box@example.org"
  expect 0 delivered && done_has ".tls.verified and .auth == \"$best_mechanism\"" && expect_arrived "$box" "$out/message"
}

dante_cases () { done_has "[.attempts[].case] == $1" && done_has '.family == null'; }

case_socks5 () { through_dante dante_delivery && dante_cases '[1]' && done_has '.port == 587'; }
case_socks5-465 () { through_dante dante_delivery --plan submissions && done_has '.port == 465'; }

# What the proxy says of a port that nobody listens on is case 2, and then comes the next one.
case_socks5-refused ()
{
  through_dante dante_delivery --routes 2599:starttls,587:starttls && dante_cases '[2,1]' && done_has '.port == 587 and .fallback'
}

case_socks5-silent ()
{
  nft -f - 2>/dev/null <<'END' || skip_case 'nft is not installed' || return
table inet dante {
  chain input { type filter hook input priority 0
    tcp dport 2600 drop
  }
}
END
  through_dante dante_delivery --routes 2600:starttls,587:starttls --timeout 10 && dante_cases '[5,1]'
}

dante_refusal ()
{
  message_mime > "$out/message"
  submit "$out/message" "${login[@]}" --tunnel "$1" a@example.org
  expect 75 deferred || return
  done_has ".text | test(\"$2\")" && expect_nothing_arrived || return
  grep -qF "$dante_password" "$out/json" "$out/stderr" && fail "the proxy's password is shown"
  [ "$?" = 1 ]
}

dante_wrong_password ()
{
  dante_tell 'not it'
  dante_refusal "socks5:$dante_user@127.0.0.1:$dante_port" 'refused the user name or the password'
}

case_socks5-wrong-password () { through_dante dante_wrong_password; }
case_socks5-no-user () { through_dante dante_refusal "socks5:127.0.0.1:$dante_port" 'wants a log-in: name a user'; }
