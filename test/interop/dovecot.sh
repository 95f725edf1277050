# dovecot.sh --- Dovecot's submission service, with the test peer as its relay host.
#
# Sourced by run.  SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=bash
# shellcheck disable=SC2034  # read by run, suite.sh and cases.sh

server_user=dovenull
server_ports='465 587'
accepted='^250 2[.]0[.]0 Ok: queued as [0-9]+'
best_mechanism=SCRAM-SHA-256
size_limit=8388608
peer=$MEW_SUBMIT_ROOT/test/peer/peer
. "$MEW_SUBMIT_ROOT/test/interop/kerberos.sh"
. "$MEW_SUBMIT_ROOT/test/interop/dante.sh"

# Is the server here?  Else say in server_missing what is not.
server_find ()
{
  if ! command -v dovecot >/dev/null || ! [ -x /usr/lib/dovecot/submission ]
  then
    server_missing='dovecot-submissiond is not installed'
    return 1
  fi
  [ -x "$peer" ] || { echo "not ok - $suite_name: test/peer/peer is not built (make programs)"; exit 1; }
}

server_start ()
{
  local user port password
  login_second_refused=(--user second-refused --password-file "$SMTP_PASSWORD_FILE")
  login_all_refused=(--user all-refused --password-file "$SMTP_PASSWORD_FILE")
  # Below the mailboxes, so that no case finds what another one left there.
  relayed=$SMTP_MAILBOXES/.relayed
  # What client and server say, as Dovecot heard it inside TLS after AUTH; its process is nobody's.
  dialogue=$SMTP_WORK/dialogue
  mkdir "$relayed" && mkdir -m 1777 "$dialogue" || return
  start_relay || return
  start_mechanisms && dante_start || return
  write_dovecot_conf > "$SMTP_WORK/dovecot/plain.conf"
  "$MEW_SUBMIT_ROOT/test/real/dovecot-conf" <"$SMTP_WORK/dovecot/plain.conf" >"$SMTP_WORK/dovecot/dovecot.conf"
  password=$(printf %s "$SMTP_PASSWORD" | base64 -w 0)
  # Each user has a relay host of his own.  The empty fields are those of passwd: uid gid gecos home shell.
  while read -r user port
  do
    printf '%s:{PLAIN.b64}%s::::::userdb_submission_relay_port=%s\n' "$user" "$password" "$port"
  done > "$SMTP_WORK/dovecot/users" <<END
$SMTP_USER 2525
second-refused 2526
all-refused 2527
END
  dovecot -c "$SMTP_WORK/dovecot/dovecot.conf"
}

# What EXTERNAL and GSSAPI need, as far as it is here: gssapi_missing says what is not.
start_mechanisms ()
{
  mechanisms='plain login scram-sha-1 scram-sha-256 external'
  gssapi_missing=
  make_client_certificate alice.cert "$SMTP_USER" ca && make_client_certificate stranger.cert "$SMTP_USER" other-ca || return
  if ! kerberos_find
  then
    gssapi_missing=$kerberos_missing
  elif ! [ -e /usr/lib/dovecot/modules/auth/libmech_gssapi.so ]
  then
    gssapi_missing='dovecot-gssapi is not installed'
  else
    mechanisms="$mechanisms gssapi"
    kerberos_start
  fi
}

gssapi_conf ()
{
  [ -z "$gssapi_missing" ] || return
  cat <<END
auth_krb5_keytab = $kerberos/keytab
auth_gssapi_hostname = "\$ALL"
import_environment = \$import_environment KRB5_CONFIG
END
}

# make_client_certificate NAME USER AUTHORITY: $SMTP_WORK/NAME.pem and NAME.key.
make_client_certificate ()
{
  printf 'extendedKeyUsage = clientAuth\nbasicConstraints = critical, CA:FALSE\n' > "$SMTP_WORK/client.ext"
  {
    openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj "/CN=$2" \
            -keyout "$SMTP_WORK/$1.key" -out "$SMTP_WORK/$1.csr" \
      && openssl x509 -req -in "$SMTP_WORK/$1.csr" -days 2 -CA "$SMTP_WORK/$3.pem" -CAkey "$SMTP_WORK/$3.key" \
                 -CAcreateserial -extfile "$SMTP_WORK/client.ext" -out "$SMTP_WORK/$1.pem"
  } 2>>"$SMTP_WORK/log/certificates"
}

start_relay ()
{
  local base=plain,noauth,chunking refusal='reply:550 5.1.1 User unknown'
  "$peer" --pid-watch --certs "$SMTP_WORK/relay-certs" --store "$relayed" --log "$SMTP_WORK/log/relay" \
          --ready "$SMTP_WORK/relay-ready" "127.0.0.1:2525,$base" "127.0.0.1:2526,$base,rcpt#2=$refusal" \
          "127.0.0.1:2527,$base,rcpt=$refusal" >/dev/null 2>"$SMTP_WORK/log/relay-errors" </dev/null &
  wait_until test -e "$SMTP_WORK/relay-ready"
}

write_dovecot_conf ()
{
  cat <<END
base_dir = $SMTP_WORK/dovecot/run
state_dir = $SMTP_WORK/dovecot/state
log_path = $SMTP_WORK/log/dovecot
hostname = $SMTP_HOST
protocols = submission
ssl = required
ssl_cert = <$SMTP_WORK/server.pem
ssl_key = <$SMTP_WORK/server.key
auth_mechanisms = $mechanisms
$(gssapi_conf)
# A client certificate is asked for, and its common name is who may log in with EXTERNAL.
ssl_ca = <$SMTP_WORK/ca.pem
ssl_require_crl = no
ssl_verify_client_cert = yes
auth_ssl_username_from_cert = yes
# No penalty in seconds for the test of a wrong password.
auth_failure_delay = 0
service anvil {
  unix_listener anvil-auth-penalty {
    mode = 0
  }
}
passdb {
  driver = static
  args = nopassword=y
  mechanisms = external
}
passdb {
  driver = passwd-file
  args = $SMTP_WORK/dovecot/users
}
userdb {
  driver = prefetch
}
# For those who come by EXTERNAL and GSSAPI.
userdb {
  driver = static
  args = home=$SMTP_WORK/tmp
}
mail_uid = $(id -u nobody)
mail_gid = $(id -g nobody)
mail_home = $SMTP_WORK/tmp
mail_location = maildir:~/mail
rawlog_dir = $dialogue
submission_relay_host = 127.0.0.1
submission_relay_port = 2525
submission_max_mail_size = $size_limit
submission_backend_capabilities = 8BITMIME DSN
service submission-login {
  inet_listener submission {
    port = 587
  }
  inet_listener submissions {
    port = 465
    ssl = yes
  }
}
END
}

# The relay host stores a message before it answers, with the line ends of the wire and all recipients in one file.
collect_mail ()
{
  local message envelope recipient
  for message in "$relayed"/*.eml
  do
    [ -e "$message" ] || continue
    envelope=${message%.eml}.env
    LC_ALL=C grep -qv $'\r$' "$message" && { fail "a line does not end in CRLF"; return; }
    for recipient in $(jq -r '.recipients[].address | sub("@example.org$"; "")' "$envelope")
    do
      mkdir -p "$SMTP_MAILBOXES/$recipient/new"
      sed 's/\r$//' "$message" > "$SMTP_MAILBOXES/$recipient/new/$(basename "$message")"
    done
    mv "$envelope" "$SMTP_WORK/last.env"
    rm "$message"
  done
}

# said SIDE: what the client (in) or the server (out) said last, after AUTH, with the time of each read or write.
said ()
{
  # Not the last name: that has the process' number in it, with more digits or fewer.
  cat "$(find "$dialogue" -name "*.$1" -printf '%T@ %p\n' | sort -n | tail -n 1 | cut -d ' ' -f 2-)"
}

# Lines of the last session as the regexp CLIENT has it.
expect_said ()
{
  said in | LC_ALL=C grep -Eaq "^[0-9.]+ $1" || fail "the client did not say $1"
}

expect_extensions ()
{
  local last_command first_reply
  expect_said 'MAIL FROM:<sender@example.org>.* BODY=8BITMIME' \
    && expect_said 'MAIL FROM:<sender@example.org>.* SIZE=[1-9][0-9]*' \
    && expect_said 'BDAT [0-9]+ LAST' || return
  [ "$(said in | LC_ALL=C grep -ac '^[0-9.]* RCPT TO:')" = "$1" ] || fail "not $1 times RCPT" || return
  last_command=$(said in | LC_ALL=C sed -n 's/ BDAT .*//p')
  first_reply=$(said out | LC_ALL=C sed -n '/ 250 /{s/ .*//p;q}')
  jq -en "$last_command <= $first_reply" >/dev/null || fail "the client waited for a reply before BDAT"
}

expect_dsn ()
{
  jq -e 'all(.recipients[]; .parameters | test("NOTIFY=SUCCESS,FAILURE"))' "$SMTP_WORK/last.env" >/dev/null \
    || fail "the relay host was told $(cat "$SMTP_WORK/last.env")"
}

case_587-plain () { delivery 587 ipv6 PLAIN "${login[@]}" --auth PLAIN; }
case_587-login () { delivery 587 ipv6 LOGIN "${login[@]}" --auth LOGIN; }
case_587-scram-sha-1 () { delivery 587 ipv6 SCRAM-SHA-1 "${login[@]}" --auth SCRAM-SHA-1; }
case_587-scram-sha-256 () { delivery 587 ipv6 SCRAM-SHA-256 "${login[@]}" --auth SCRAM-SHA-256; }
case_465-plain () { delivery 465 ipv6 PLAIN "${login[@]}" --plan submissions --auth PLAIN; }
case_465-login () { delivery 465 ipv6 LOGIN "${login[@]}" --plan submissions --auth LOGIN; }
case_465-scram-sha-1 () { delivery 465 ipv6 SCRAM-SHA-1 "${login[@]}" --plan submissions --auth SCRAM-SHA-1; }
case_wrong-password-scram-sha-1 () { wrong_password SCRAM-SHA-1 && expect_nothing_arrived; }
case_wrong-password-scram-sha-256 () { wrong_password SCRAM-SHA-256 && expect_nothing_arrived; }

# --- EXTERNAL: the client certificate says who it is ------------------------------------------------------

external ()
{
  delivery "$1" ipv6 EXTERNAL --auth EXTERNAL --cert-file "$2" --key-file "$3" "${@:4}"
}

case_external-587 () { external 587 "$SMTP_WORK/alice.cert.pem" "$SMTP_WORK/alice.cert.key"; }
case_external-465 () { external 465 "$SMTP_WORK/alice.cert.pem" "$SMTP_WORK/alice.cert.key" --plan submissions; }
case_external-with-user ()
{
  external 587 "$SMTP_WORK/alice.cert.pem" "$SMTP_WORK/alice.cert.key" --user "$SMTP_USER"
}

# not_logged_in OPTION...: the log-in fails, and nothing arrives.
not_logged_in ()
{
  message_mime > "$out/message"
  submit "$out/message" "$@" a@example.org
  [ "$status" = 77 ] || fail "exit status $status, not 77: $(jq -r .text "$out/done")" || return
  done_has '.auth == null and .recipients == []' && expect_nothing_arrived
}

case_external-without-certificate () { not_logged_in --auth EXTERNAL; }

# A certificate that the server does not trust: it may end the handshake, or refuse the log-in.
case_external-stranger ()
{
  message_mime > "$out/message"
  submit "$out/message" --auth EXTERNAL --cert-file "$SMTP_WORK/stranger.cert.pem" \
         --key-file "$SMTP_WORK/stranger.cert.key" a@example.org
  [ "$status" != 0 ] || fail "it was let in" || return
  done_has '.auth == null and .recipients == []' && expect_nothing_arrived
}

# --- A token (PKCS #11) that keeps the key ------------------------------------------------------------------

# token_make: put alice's certificate and key into a new token, whose URL is $token and whose PIN is in $SMTP_WORK/pin.
token_make ()
{
  local program
  for program in softhsm2-util p11tool certtool
  do
    command -v $program >/dev/null || skip_case "$program is not installed" || return
  done
  # Its files are where the client, and nobody else, looks.
  export SOFTHSM2_CONF=$SMTP_WORK/softhsm.conf
  [ ! -e "$SMTP_WORK/tokens" ] || return 0
  mkdir "$SMTP_WORK/tokens"
  printf 'directories.tokendir = %s\nobjectstore.backend = file\nlog.level = ERROR\n' "$SMTP_WORK/tokens" > "$SOFTHSM2_CONF"
  (umask 077; printf 4711 > "$SMTP_WORK/pin")
  {
    softhsm2-util --init-token --free --label mail --so-pin 8080 --pin 4711 \
      && p11tool --login --set-pin 4711 --write --load-privkey "$SMTP_WORK/alice.cert.key" --label alice \
                 "pkcs11:token=mail" \
      && p11tool --login --set-pin 4711 --write --load-certificate "$SMTP_WORK/alice.cert.pem" --label alice \
                 "pkcs11:token=mail"
  } >"$SMTP_WORK/log/token" 2>&1 </dev/null || fail "no token: $(tail -n 3 "$SMTP_WORK/log/token")"
}

token='pkcs11:token=mail;object=alice'

case_token-pin-in-a-file ()
{
  token_make || return
  external 587 "$token;type=cert" "$token;type=private?pin-source=$SMTP_WORK/pin"
}

case_token-pin-in-the-url ()
{
  token_make || return
  external 587 "$token;type=cert" "$token;type=private?pin-value=4711"
}

# The PIN is wrong: nothing is connected, and no PIN is shown.
case_token-wrong-pin ()
{
  token_make || return
  message_mime > "$out/message"
  submit "$out/message" --auth EXTERNAL --cert-file "$token;type=cert" \
         --key-file "$token;type=private?pin-value=not-this-pin" a@example.org
  [ "$status" = 78 ] || fail "exit status $status, not 78: $(jq -r .text "$out/done")" || return
  grep -q not-this-pin "$out/json" "$out/stderr" && { fail "the PIN is shown"; return; }
  expect_nothing_arrived
}

case_token-no-such-object ()
{
  token_make || return
  message_mime > "$out/message"
  submit "$out/message" --auth EXTERNAL --cert-file 'pkcs11:token=nowhere;object=nobody;type=cert' \
         --key-file "$token;type=private?pin-source=$SMTP_WORK/pin" a@example.org
  [ "$status" = 78 ] || fail "exit status $status, not 78: $(jq -r .text "$out/done")" || return
  expect_nothing_arrived
}

# --- GSSAPI: a Kerberos ticket says who it is ---------------------------------------------------------------

case_gssapi-587 ()
{
  [ -z "$gssapi_missing" ] || skip_case "$gssapi_missing" || return
  log_in_at_kdc && delivery 587 ipv6 GSSAPI --auth GSSAPI
}

case_gssapi-465 ()
{
  [ -z "$gssapi_missing" ] || skip_case "$gssapi_missing" || return
  log_in_at_kdc && delivery 465 ipv6 GSSAPI --auth GSSAPI --plan submissions
}

case_gssapi-no-ticket ()
{
  [ -z "$gssapi_missing" ] || skip_case "$gssapi_missing" || return
  log_out_at_kdc
  not_logged_in --auth GSSAPI && done_has '.text | test("GSSAPI|Kerberos|credentials"; "i")'
}

# A Kerberos server that says nothing is not waited for longer than the user wants.
case_gssapi-silent-kdc ()
{
  [ -z "$gssapi_missing" ] || skip_case "$gssapi_missing" || return
  log_out_at_kdc && log_in_at_kdc || return
  nft -f - 2>/dev/null <<'END' || skip_case 'nft is not installed' || return
table inet kdc {
  chain input { type filter hook input priority 0
    tcp dport 88 drop
    udp dport 88 drop
  }
}
END
  message_mime > "$out/message"
  submit "$out/message" --auth GSSAPI --step-timeout 8 a@example.org
  nft delete table inet kdc
  # The words are those of the step's own time-out, not of the library that would have gone on asking.
  expect 75 deferred && done_has '.auth == null and (.text | test("No Kerberos server gave a ticket .* in time"))' && expect_nothing_arrived
}

# Nobody is logged in as somebody else.
case_gssapi-another-user ()
{
  [ -z "$gssapi_missing" ] || skip_case "$gssapi_missing" || return
  log_in_at_kdc && not_logged_in --auth GSSAPI --user bob
}
