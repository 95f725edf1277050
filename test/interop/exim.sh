# exim.sh --- Exim 4, which delivers into mailboxes itself.
#
# Sourced by run.  SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=bash
# shellcheck disable=SC2034  # read by run, suite.sh and cases.sh

server_user=nobody
# On port 2587 the only mechanism is one that the client must not use.
server_ports='25 465 587 2587'
accepted='^250 .*OK id=[-0-9A-Za-z]+$'
best_mechanism=PLAIN
size_limit=8388608
exim_package=exim4-daemon-light

. "$here/fetch.sh"

# Is the server here?  Else say in server_missing what is not.  The installed one, or Debian's package, unpacked.
server_find ()
{
  exim=$(command -v exim4) || { exim=$fetch_cache/$exim_package/usr/sbin/exim4 && fetch_debian "$exim_package"; } \
    || { server_missing="exim4 is not installed, and $exim_package cannot be downloaded"; return 1; }
  local library
  library=$(ldd "$exim" 2>/dev/null | awk '/not found/ { print $1; exit }')
  [ -z "$library" ] || { server_missing="exim4 needs $library"; return 1; }
}

server_start ()
{
  local name
  login_second_refused=("${login[@]}")
  login_all_refused=("${login[@]}")
  exim_log=$SMTP_WORK/log/exim-main
  # A user whose name the program has built in.
  for name in passwd group
  do
    cp "/etc/$name" "$SMTP_WORK/$name" && mount --bind "$SMTP_WORK/$name" "/etc/$name" || return
  done
  echo "Debian-exim:x:$(id -u nobody):$(id -g nobody)::/nonexistent:/usr/sbin/nologin" >> "$SMTP_WORK/passwd"
  echo "Debian-exim:x:$(id -g nobody):" >> "$SMTP_WORK/group"
  mkdir "$SMTP_WORK/exim" "$SMTP_WORK/exim/spool"
  # It calls itself again under its user's id, who may not be able to read the cache.
  install -m 755 "$exim" "$SMTP_WORK/exim/exim4"
  install -m 600 -o nobody "$SMTP_WORK/server.key" "$SMTP_WORK/exim/server.key"
  chown nobody "$SMTP_WORK/exim/spool" "$SMTP_WORK/log" "$SMTP_MAILBOXES"
  for name in a b c sender box-{1..200}
  do
    echo "$name: $name"
  done > "$SMTP_WORK/exim/mailboxes"
  echo 'grüße: utf-8' >> "$SMTP_WORK/exim/mailboxes"
  write_exim_conf > "$SMTP_WORK/exim/conf"
  exim_version=$("$SMTP_WORK/exim/exim4" -C "$SMTP_WORK/exim/conf" -bV 2>&1) \
    || { echo "# ${exim_version//$'\n'/ }"; return 1; }
  "$SMTP_WORK/exim/exim4" -C "$SMTP_WORK/exim/conf" -bdf >"$SMTP_WORK/log/exim-output" 2>&1 </dev/null &
}

write_exim_conf ()
{
  local password
  password=$(printf %s "$SMTP_PASSWORD" | base64 -w 0)
  cat <<END
exim_path = $SMTP_WORK/exim/exim4
spool_directory = $SMTP_WORK/exim/spool
log_file_path = $SMTP_WORK/log/exim-%s
pid_file_path = $SMTP_WORK/exim/pid
log_selector = +pipelining +8bitmime +smtp_mailauth +received_recipients +smtp_connection
keep_environment =
deliver_drop_privilege
primary_hostname = $SMTP_HOST
qualify_domain = example.org
domainlist local_domains = example.org
local_interfaces = <; 192.0.2.1 ; 2001:db8::1
daemon_smtp_ports = 25 : 465 : 587 : 2587
tls_on_connect_ports = 465
tls_advertise_hosts = *
tls_certificate = $SMTP_WORK/server.pem
tls_privatekey = $SMTP_WORK/exim/server.key
tls_verify_certificates =
tls_try_verify_hosts =
# Nobody to ask for names.
host_lookup =
rfc1413_query_timeout = 0s
message_size_limit = $size_limit
accept_8bitmime = true
chunking_advertise_hosts = *
pipelining_advertise_hosts = *
dsn_advertise_hosts = *
.ifdef _OPT_MAIN_SMTPUTF8_ADVERTISE_HOSTS
smtputf8_advertise_hosts = *
.endif
acl_smtp_mail = check_mail
acl_smtp_rcpt = check_rcpt

begin acl
check_mail:
  deny !authenticated = *
       condition = \${if !={\$received_port}{25}}
       message = 5.7.0 Log in first
  accept
check_rcpt:
  deny message = 5.7.1 Relay access denied
       !domains = +local_domains
       !authenticated = *
  deny message = 5.1.1 User unknown
       !verify = recipient
  accept

begin routers
local:
  driver = accept
  domains = +local_domains
  local_parts = lsearch;$SMTP_WORK/exim/mailboxes
  transport = mailbox

begin transports
mailbox:
  driver = appendfile
  directory = $SMTP_MAILBOXES/\$local_part_data
  maildir_format
  create_directory
  user = nobody
  group = $(id -g nobody)

begin retry
* * F,2h,10m

begin authenticators
plain:
  driver = plaintext
  public_name = PLAIN
  server_advertise_condition = \${if and {{def:tls_in_cipher}{!={\$received_port}{2587}}}}
  server_prompts = :
  server_condition = \${if and {{eq{\$auth2}{$SMTP_USER}}{eq{\${base64:\$auth3}}{$password}}}}
  server_set_id = \$auth2
login:
  driver = plaintext
  public_name = LOGIN
  server_advertise_condition = \${if and {{def:tls_in_cipher}{!={\$received_port}{2587}}}}
  server_prompts = <| Username: | Password:
  server_condition = \${if and {{eq{\$auth1}{$SMTP_USER}}{eq{\${base64:\$auth2}}{$password}}}}
  server_set_id = \$auth1
cram:
  driver = cram_md5
  public_name = CRAM-MD5
  server_advertise_condition = \${if def:tls_in_cipher}
  server_secret = \${if eq{\$auth1}{$SMTP_USER}{\${base64d:$password}}fail}
  server_set_id = \$auth1
END
}

# Exim delivers after it has answered; what waits in the queue is not there yet.
collect_mail ()
{
  wait_until queue_empty || fail "the queue does not get empty"
}

queue_empty ()
{
  [ -z "$(find "$SMTP_WORK/exim/spool/input" -type f 2>/dev/null)" ]
}

# The log has a line of a message's arrival, the last of which is printed.
arrival ()
{
  grep ' <= ' "$exim_log" | tail -n 1
}

# L (with a dot where the server would have taken commands before its greeting): pipelined.  K: by BDAT.
expect_extensions ()
{
  local line
  line=$(arrival)
  [[ $line =~ ' L'[.]?' ' && $line = *' K '* ]] || fail "not pipelined, or no BDAT: $line" || return
  [[ $line = *' M8S=8 '* ]] || fail "no BODY=8BITMIME: $line" || return
  [ "$(sed 's/.* for //' <<<"$line" | wc -w)" = "$1" ] || fail "not $1 recipients: $line"
}

# The report of success is for the envelope sender.
expect_dsn ()
{
  local report
  wait_until one_file_in sender || fail "no report arrived" || return
  report=$(find "$SMTP_MAILBOXES/sender/new" -type f)
  grep -q '^Action: delivered' "$report" && grep -q "^Final-Recipient: rfc822;$box@example.org" "$report" \
    || fail "the report is no success: $(tr '\n' ' ' <"$report")" || return
  rm "$report"
}

case_587-login () { delivery 587 ipv6 LOGIN "${login[@]}" --auth LOGIN; }
case_465-login () { delivery 465 ipv6 LOGIN "${login[@]}" --plan submissions --auth LOGIN; }
case_25-starttls () { delivery 25 ipv6 none --routes 25:starttls; }

# Where nothing better is offered, nobody logs in.  (Beside PLAIN it is offered on every other port, to no effect.)
case_cram-md5-alone ()
{
  message_mime > "$out/message"
  submit "$out/message" "${login[@]}" --routes 2587:starttls a@example.org
  [ "$status" = 77 ] || fail "exit status $status, not 77: $(jq -r .text "$out/done")" || return
  jq -es 'any(.[]; .event == "capabilities" and .mechanisms == ["CRAM-MD5"])' "$out/json" >/dev/null \
    || fail "the server did not offer CRAM-MD5 alone" || return
  done_has '.auth == null' && expect_nothing_arrived
}

case_cram-md5-by-name ()
{
  message_mime > "$out/message"
  submit "$out/message" "${login[@]}" --auth CRAM-MD5 a@example.org
  [ "$status" = 78 ] || fail "exit status $status, not 78: $(jq -r .text "$out/done")" || return
  done_has '.auth == null' && expect_nothing_arrived
}

case_smtputf8 ()
{
  local SMTP_SENDER=grüße@example.org
  [[ $exim_version = *I18N* ]] || skip_case "this Exim knows no SMTPUTF8" || return
  { header smtputf8; printf '\nGrüße\n'; } > "$out/message"
  submit "$out/message" "${login[@]}" grüße@example.org
  expect_delivered 587 ipv6 yes '"PLAIN"' && expect_arrived utf-8 "$out/message" || return
  [[ $(arrival) = *' P=utf8esmtpsa '* ]] || fail "no SMTPUTF8: $(arrival)"
}

case_recipients-relay-denied ()
{
  message_mime > "$out/message"
  submit "$out/message" --routes 25:starttls a@elsewhere.example
  expect 69 refused && done_has '.recipients[0] | .code == 550 and (.text | test("Relay access denied"))' \
    && expect_nothing_arrived
}
