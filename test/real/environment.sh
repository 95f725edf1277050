# environment.sh --- Postfix and Dovecot inside a network, mount and process namespace of their own.
#
# Sourced by run.  SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=bash

wait_seconds=${WAIT_SECONDS:-300}

# Wait until COMMAND succeeds, at most wait_seconds.
wait_until ()
{
  local deadline=$((SECONDS + wait_seconds))
  until "$@" 2>/dev/null
  do
    [ $SECONDS -lt $deadline ] || return 1
    sleep 0.02
  done
}

environment_make ()
{
  SMTP_WORK=$(mktemp -d)
  # Postfix and Dovecot enter it under their own user ids.
  chmod 755 "$SMTP_WORK"
  mkdir "$SMTP_WORK"/{postfix,queue,data,dovecot,log,mail,home,tmp,out}
  SMTP_HOST=smtp.example.org
  SMTP_CA_FILE=$SMTP_WORK/ca.pem
  SMTP_OTHER_CA_FILE=$SMTP_WORK/other-ca.pem
  SMTP_USER=alice
  SMTP_PASSWORD='correct horse: battery "staple"'
  SMTP_PASSWORD_FILE=$SMTP_WORK/password
  SMTP_SENDER=sender@example.org
  SMTP_MAILBOXES=$SMTP_WORK/mail
  SMTP_LOG=$SMTP_WORK/log/postfix
  HOME=$SMTP_WORK/home
  TMPDIR=$SMTP_WORK/tmp
  export SMTP_WORK SMTP_HOST SMTP_CA_FILE SMTP_OTHER_CA_FILE SMTP_USER SMTP_PASSWORD SMTP_PASSWORD_FILE \
         SMTP_SENDER SMTP_MAILBOXES SMTP_LOG HOME TMPDIR
  unset XDG_CONFIG_HOME XDG_DATA_HOME XDG_CACHE_HOME EMAIL
  (umask 077; printf '%s\n' "$SMTP_PASSWORD" > "$SMTP_PASSWORD_FILE")
}

environment_remove ()
{
  rm -rf "$SMTP_WORK"
}

# What the servers said, as TAP comments.
environment_report ()
{
  tail -n 20 "$SMTP_WORK"/log/* | sed 's/^/# /'
}

environment_start ()
{
  make_network && make_certificates && configure_dovecot && configure_postfix || return
  dovecot -c "$SMTP_WORK/dovecot/dovecot.conf" || { echo "not ok - real servers: dovecot does not start"; return 1; }
  wait_until test -S "$SMTP_WORK/queue/private/auth" || { echo "not ok - real servers: no SASL socket"; return 1; }
  postfix -c "$SMTP_WORK/postfix" start >"$SMTP_WORK/log/start" 2>&1 \
    || { echo "not ok - real servers: postfix does not start"; return 1; }
  local address port
  for address in 192.0.2.1 2001:db8::1
  do
    for port in 25 465 587
    do
      wait_until port_open $address $port \
        || { echo "not ok - real servers: nothing listens on $address port $port"; return 1; }
    done
  done
}

port_open ()
{
  (exec 3<>"/dev/tcp/$1/$2") 2>/dev/null
}

make_network ()
{
  mount -t proc proc /proc
  ip link set lo up
  ip address add 192.0.2.1/32 dev lo
  ip address add 2001:db8::1/128 dev lo nodad 2>/dev/null \
    || { echo "ok - real servers # SKIP no IPv6 in a new network namespace"; exit 0; }
  cat > "$SMTP_WORK/hosts" <<END
127.0.0.1 localhost
::1 localhost
192.0.2.1 $SMTP_HOST
2001:db8::1 $SMTP_HOST
END
  echo 'hosts: files' | cat - <(grep -v '^hosts:' /etc/nsswitch.conf) > "$SMTP_WORK/nsswitch.conf"
  mount --bind "$SMTP_WORK/hosts" /etc/hosts
  mount --bind "$SMTP_WORK/nsswitch.conf" /etc/nsswitch.conf
}

# An authority, a second one that signed nothing here, and the server's certificate.
make_certificates ()
{
  local name
  for name in ca other-ca
  do
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 \
            -subj "/CN=Test authority $name" -addext keyUsage=critical,keyCertSign,cRLSign \
            -keyout "$SMTP_WORK/$name.key" -out "$SMTP_WORK/$name.pem" || return
  done 2>"$SMTP_WORK/log/certificates"
  cat > "$SMTP_WORK/server.ext" <<END
subjectAltName = DNS:$SMTP_HOST
extendedKeyUsage = serverAuth
keyUsage = critical, digitalSignature
basicConstraints = critical, CA:FALSE
END
  {
    openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj "/CN=$SMTP_HOST" \
            -keyout "$SMTP_WORK/server.key" -out "$SMTP_WORK/server.csr" \
      && openssl x509 -req -in "$SMTP_WORK/server.csr" -days 2 -CA "$SMTP_WORK/ca.pem" \
                 -CAkey "$SMTP_WORK/ca.key" -CAcreateserial -extfile "$SMTP_WORK/server.ext" \
                 -out "$SMTP_WORK/server.pem"
  } 2>>"$SMTP_WORK/log/certificates"
}

configure_dovecot ()
{
  # The dumped fields after the password are empty: user:password:uid:gid:gecos:home:shell:extra.
  printf '%s:{PLAIN.b64}%s::::::\n' "$SMTP_USER" "$(printf %s "$SMTP_PASSWORD" | base64 -w 0)" > "$SMTP_WORK/dovecot/users"
  "$MEW_SUBMIT_ROOT/test/real/dovecot-conf" > "$SMTP_WORK/dovecot/dovecot.conf" <<END
base_dir = $SMTP_WORK/dovecot/run
state_dir = $SMTP_WORK/dovecot/state
log_path = $SMTP_WORK/log/dovecot
protocols =
ssl = no
disable_plaintext_auth = no
auth_mechanisms = plain login scram-sha-1 scram-sha-256
# No penalty in seconds for the test of a wrong password.
auth_failure_delay = 0
passdb {
  driver = passwd-file
  args = $SMTP_WORK/dovecot/users
}
userdb {
  driver = static
  args = uid=65534 gid=65534 home=/nonexistent
}
service auth {
  unix_listener $SMTP_WORK/queue/private/auth {
    mode = 0666
  }
}
END
}

configure_postfix ()
{
  chown postfix "$SMTP_WORK/data"
  chown nobody "$SMTP_WORK/mail"
  mkdir -m 755 "$SMTP_WORK/queue/private"
  chown postfix "$SMTP_WORK/queue/private"
  write_main_cf > "$SMTP_WORK/postfix/main.cf"
  write_master_cf > "$SMTP_WORK/postfix/master.cf"
  local name
  for name in a b c sender box-{1..200}
  do
    echo "$name@example.org $name/"
  done > "$SMTP_WORK/postfix/mailboxes"
}

write_main_cf ()
{
  cat <<END
compatibility_level = 3.6
queue_directory = $SMTP_WORK/queue
data_directory = $SMTP_WORK/data
maillog_file = $SMTP_LOG
maillog_file_prefixes = $SMTP_WORK
myhostname = $SMTP_HOST
mydestination =
alias_maps =
local_recipient_maps =
mynetworks =
inet_interfaces = all
inet_protocols = all
# Nobody to ask for names but /etc/hosts.
smtpd_peername_lookup = no
smtp_dns_support_level = disabled

# Store what came, octet for octet: no missing headers, no addresses completed, nothing looked into.
local_header_rewrite_clients =
always_add_missing_headers = no
receive_override_options = no_header_body_checks
disable_mime_input_processing = yes
disable_mime_output_conversion = yes
message_size_limit = 104857600
mailbox_size_limit = 0
virtual_mailbox_limit = 0
virtual_mailbox_domains = example.org
virtual_mailbox_base = $SMTP_MAILBOXES
virtual_mailbox_maps = texthash:$SMTP_WORK/postfix/mailboxes
virtual_minimum_uid = 1
virtual_uid_maps = static:$(id -u nobody)
virtual_gid_maps = static:$(id -g nobody)

smtpd_tls_cert_file = $SMTP_WORK/server.pem
smtpd_tls_key_file = $SMTP_WORK/server.key
smtpd_tls_security_level = may
smtpd_tls_auth_only = yes
smtpd_sasl_type = dovecot
smtpd_sasl_path = private/auth
smtpd_sasl_security_options = noanonymous
smtpd_relay_restrictions = permit_sasl_authenticated, reject_unauth_destination
smtpd_recipient_restrictions = check_recipient_access inline:{{later@example.org = 450 4.2.1 Not now}}

# Many connections, and mistakes made on purpose, from one address.
smtpd_client_connection_count_limit = 0
smtpd_error_sleep_time = 0
smtpd_soft_error_limit = 1000
smtpd_hard_error_limit = 1000
END
}

write_master_cf ()
{
  cat <<'END'
25        inet  n - n - - smtpd
587       inet  n - n - - smtpd
  -o smtpd_tls_security_level=encrypt
  -o smtpd_sasl_auth_enable=yes
  -o smtpd_client_restrictions=permit_sasl_authenticated,reject
465       inet  n - n - - smtpd
  -o smtpd_tls_wrappermode=yes
  -o smtpd_sasl_auth_enable=yes
  -o smtpd_client_restrictions=permit_sasl_authenticated,reject
cleanup   unix  n - n - 0 cleanup
qmgr      unix  n - n 300 1 qmgr
tlsmgr    unix  - - n 1000? 1 tlsmgr
rewrite   unix  - - n - - trivial-rewrite
bounce    unix  - - n - 0 bounce
defer     unix  - - n - 0 bounce
trace     unix  - - n - 0 bounce
proxymap  unix  - - n - - proxymap
error     unix  - - n - - error
retry     unix  - - n - - error
virtual   unix  - n n - - virtual
anvil     unix  - - n - 1 anvil
postlog   unix-dgram n - n - 1 postlogd
END
}
