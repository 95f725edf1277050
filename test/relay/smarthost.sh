# smarthost.sh --- the relay for a network: TLS, log-in by a token, and who means no good.
#
# Whoever connects to 192.0.2.1 or 2001:db8::1 counts as another machine: those are no loopback addresses.
# Sourced by run, after suite.sh, which says what a case is.  SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=bash

smarthost_tls_port=2465
smarthost_token='a token of its own'

# with_smarthost COMMAND...: run COMMAND beside a relay for 192.0.2.0/24 and 2001:db8::/32, with the certificate of $SMTP_HOST.
with_smarthost ()
{
  local result
  echo "$smarthost_token" > "$out/token"
  relay_start "${account[@]}" --token-file "$out/token" --allow 192.0.2.0/24,2001:db8::/32 \
    --certificate "$SMTP_WORK/server.pem" --key "$SMTP_WORK/server.key" --connections 20 \
    --listen "[::]:$relay_port,tls:[::]:$smarthost_tls_port" || return
  "$@"
  result=$?
  relay_stop
  [ $result = 0 ] || return
  ! grep -qF "$smarthost_token" "$RELAY_LOG" || fail "the token is in the log"
}

mail_text ()
{
  printf 'From: %s\nTo: %s\nSubject: %s\n\nbody\n' "$SMTP_SENDER" "$box@example.org" "$1"
}

# --- Clients ----------------------------------------------------------------------------------------------

# The relay has no IPv6 for others here, and swaks, where it can IPv6, takes the first address that is refused for the last.
smarthost_swaks ()
{
  swaks -4 --server "$SMTP_HOST:$relay_port" --tls --tls-verify --tls-ca-path "$SMTP_CA_FILE" --auth LOGIN --auth-user x \
    --auth-password "$smarthost_token" --from "$SMTP_SENDER" --to "$box@example.org" >"$out/client" 2>&1 \
    || fail "STARTTLS: $(grep '^[<*]' "$out/client" | tail -n 2)" || return
  swaks -4 --server "$SMTP_HOST:$smarthost_tls_port" --tlsc --auth PLAIN --auth-user x --auth-password "$smarthost_token" \
    --from "$SMTP_SENDER" --to "$box@example.org" >"$out/client" 2>&1 \
    || fail "implicit TLS: $(grep '^[<*]' "$out/client" | tail -n 2)" || return
  expect_mails "$box" 2
}

case_smarthost-swaks () { needs swaks && with_smarthost smarthost_swaks; }

smarthost_msmtp ()
{
  local starttls port
  for starttls in on off
  do
    port=$relay_port
    [ $starttls = on ] || port=$smarthost_tls_port
    printf '%s\n' 'account default' "host $SMTP_HOST" "port $port" "from $SMTP_SENDER" 'tls on' "tls_starttls $starttls" \
           "tls_trust_file $SMTP_CA_FILE" 'auth on' 'user x' "password $smarthost_token" > "$out/msmtprc"
    chmod 600 "$out/msmtprc"
    mail_text "$starttls" | msmtp -C "$out/msmtprc" "$box@example.org" >"$out/client" 2>&1 \
      || fail "tls_starttls $starttls: $(tail -n 2 "$out/client")" || return
  done
  expect_mails "$box" 2
}

case_smarthost-msmtp () { needs msmtp && with_smarthost smarthost_msmtp; }

smarthost_curl ()
{
  local url
  mail_text curl > "$out/mail"
  for url in "smtp://$SMTP_HOST:$relay_port" "smtps://$SMTP_HOST:$smarthost_tls_port"
  do
    curl -sS --crlf --url "$url" --ssl-reqd --cacert "$SMTP_CA_FILE" --user "x:$smarthost_token" --mail-from "$SMTP_SENDER" \
         --mail-rcpt "$box@example.org" --upload-file "$out/mail" >"$out/client" 2>&1 \
      || fail "$url: $(tail -n 1 "$out/client")" || return
  done
  expect_mails "$box" 2
}

case_smarthost-curl () { needs curl && with_smarthost smarthost_curl; }

smarthost_smtplib ()
{
  python3 - "$SMTP_HOST" $relay_port $smarthost_tls_port "$SMTP_CA_FILE" "$smarthost_token" "$SMTP_SENDER" \
          "$box@example.org" >"$out/client" 2>&1 <<'END' || fail "smtplib: $(tail -n 1 "$out/client")" || return
import smtplib, ssl, sys
host, port, tls_port, ca, token, sender, to = sys.argv[1:]
context = ssl.create_default_context(cafile=ca)
# A message of many records, twice in one connection.
text = f"From: {sender}\r\nTo: {to}\r\nSubject: s\r\n\r\n" + ("x" * 70 + "\r\n") * 20000
with smtplib.SMTP(host, int(port)) as client:
    client.starttls(context=context)
    client.login("x", token)
    client.sendmail(sender, to, text)
    client.sendmail(sender, to, text)
with smtplib.SMTP_SSL(host, int(tls_port), context=context) as client:
    client.login("x", token)
    client.sendmail(sender, to, text)
END
  expect_mails "$box" 3 || return
  local file
  for file in "$SMTP_MAILBOXES/$box"/new/*
  do
    [ "$(grep -c '^x\{70\}' "$file")" = 20000 ] || fail "a message has not come whole" || return
  done
}

case_smarthost-smtplib () { needs python3 && with_smarthost smarthost_smtplib; }

# As a person has it: normal password, and TLS in either way.
smarthost_thunderbird ()
{
  thunderbird_sends "$smarthost_token" "$SMTP_HOST $relay_port starttls plain" "$SMTP_HOST $smarthost_tls_port tls plain" \
    "127.0.0.1 $relay_port starttls plain" "192.0.2.1 $smarthost_tls_port tls plain" "$SMTP_HOST $relay_port none plain" || return
  expect_sent 1 sent && expect_sent 2 sent || return
  # The certificate has another name; and without TLS nobody gets in.
  expect_sent 3 'not sent: *does not match*' && expect_sent 4 'not sent: *does not match*' && expect_sent 5 'not sent: *Begin TLS first*' || return
  expect_mails "$box" 2
}

case_smarthost-thunderbird () { needs thunderbird python3 && with_smarthost smarthost_thunderbird; }

# A certificate that is made: its fingerprint is what a client pins, and the next relay has the same.
case_smarthost-certificate-made ()
{
  needs msmtp openssl || return
  local pin try
  rm -rf "$out/tls"
  for try in 1 2
  do
    relay_start "${account[@]}" --anyone --certificate "$out/tls/relay.pem" || return
    [ -n "${pin:-}" ] || pin=$(openssl x509 -in "$out/tls/relay.pem" -noout -fingerprint -sha256 | sed 's/.*=//')
    printf '%s\n' 'account default' 'host 127.0.0.1' "port $relay_port" "from $SMTP_SENDER" 'tls on' \
           "tls_fingerprint $pin" 'auth off' > "$out/msmtprc"
    mail_text "$try" | msmtp -C "$out/msmtprc" "$box@example.org" >"$out/client" 2>&1
    local result=$?
    relay_stop
    [ $result = 0 ] || fail "start $try: $(tail -n 2 "$out/client")" || return
    tr -d : <<<"$pin" | grep -qixF -f <(sed -n 's/.*fingerprint is sha256://p' "$RELAY_LOG") \
      || fail "the log tells another fingerprint than $pin: $(grep fingerprint "$RELAY_LOG")" || return
  done
  [ "$(stat -c %a "$out/tls/relay.pem")" = 600 ] || fail "others can read the key" || return
  expect_mails "$box" 2
}

# --- Who means no good ------------------------------------------------------------------------------------

# SECURITY: R1, R2, R3, R4, R5
smarthost_hostile ()
{
  python3 "$MEW_SUBMIT_ROOT/test/relay/smarthost.py" "$SMTP_HOST" $relay_port $smarthost_tls_port "$SMTP_CA_FILE" \
          "$smarthost_token" >"$out/client" 2>&1 || fail "$(tail -n 1 "$out/client")" || return
  # Who comes afterwards is served, and nothing of the rest has arrived.
  smarthost_curl
}

case_smarthost-hostile ()
{
  needs python3 curl && with_smarthost smarthost_hostile || return
  [ "$(stored nobody)" = 0 ] || fail "something has arrived"
}
