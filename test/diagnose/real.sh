#!/bin/bash
# real.sh --- the diagnosis of real servers, each healthy and misconfigured.
#
# usage: real.sh postfix|dovecot|exim     (beside that server: test/real/run --shell, test/interop/run --shell)
#
# SPDX-License-Identifier: GPL-3.0-or-later

set -u
server=$1
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

wait_until ()
{
  local deadline=$((SECONDS + 120))
  until "$@" 2>/dev/null
  do
    [ $SECONDS -lt $deadline ] || return 1
    sleep 0.05
  done
}

port_open ()
{
  (exec 3<>"/dev/tcp/$1/$2") 2>/dev/null
}

wait_for_ports ()
{
  local port
  for port
  do
    wait_until port_open 192.0.2.1 "$port" || { echo "not ok - diagnose $server: nothing listens on port $port"; exit 1; }
  done
}

# diagnose NAME IDS OPTION...: a diagnosis of smtp.example.org has the findings IDS, separated by spaces, and no other.
diagnose ()
{
  local name="diagnose $server: $1" wanted=$2 found status
  shift 2
  (cd "$MEW_SUBMIT_ROOT" && timeout 600 "$EMACS" -Q --batch -module-assertions -l mew-submit.el -f mew-submit-batch-diagnose -- \
    --json --ca-file "$SMTP_CA_FILE" --timeout 60 --step-timeout 60 "$@" smtp.example.org) \
    >"$SMTP_WORK/out/diagnosis" 2>"$SMTP_WORK/out/diagnosis-errors"
  status=$?
  found=$(jq -r '[.findings[].id] | sort | join(" ")' "$SMTP_WORK/out/diagnosis" 2>&1)
  if [ "$found" = "$wanted" ] && { [ "$status" = 0 ] || [ "$status" = 69 ]; }
  then
    echo "ok - $name"
  else
    echo "not ok - $name: status $status, findings \"$found\", not \"$wanted\": $(tr '\n' ' ' <"$SMTP_WORK/out/diagnosis-errors")"
    sed 's/^/# /' "$SMTP_WORK/out/diagnosis"
  fi
}

# expect NAME OPTION...: the diagnosis ends with status 0.
expect ()
{
  local name="diagnose $server: $1"
  shift
  if (cd "$MEW_SUBMIT_ROOT" && timeout 600 "$EMACS" -Q --batch -l mew-submit.el -f mew-submit-batch-diagnose -- \
        --ca-file "$SMTP_CA_FILE" --timeout 60 "$@" smtp.example.org) >"$SMTP_WORK/out/text" 2>&1
  then
    echo "ok - $name"
  else
    echo "not ok - $name: $(tr '\n' ' ' <"$SMTP_WORK/out/text")"
  fi
}

# A certificate that nobody vouches for, for another name.
own_certificate ()
{
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 90 -subj /CN=mail.example.net \
          -addext subjectAltName=DNS:mail.example.net -keyout "$SMTP_WORK/own.key" -out "$SMTP_WORK/own.pem" 2>/dev/null
}

# What a good Postfix does is in test/real; beside it, services that are each wrong in one way.
postfix_services ()
{
  local submission='-o smtpd_tls_security_level=encrypt -o smtpd_sasl_auth_enable=yes'
  local open='-o mynetworks=0.0.0.0/0,[::]/0 -o smtpd_relay_restrictions=permit_mynetworks,reject_unauth_destination'
  local strict='-o smtpd_client_restrictions=permit_sasl_authenticated,reject'
  cat <<END
2601 inet n - n - - smtpd -o smtpd_tls_security_level=may -o smtpd_sasl_auth_enable=yes $strict
2602 inet n - n - - smtpd -o smtpd_tls_security_level=may -o smtpd_tls_auth_only=no -o smtpd_sasl_auth_enable=yes $strict
2603 inet n - n - - smtpd -o smtpd_tls_security_level=none -o smtpd_delay_reject=no -o smtpd_sender_restrictions=reject
2604 inet n - n - - smtpd -o smtpd_tls_security_level=encrypt
2605 inet n - n - - smtpd $submission $open
2606 inet n - n - - smtpd $submission $strict -o smtpd_tls_cert_file=$SMTP_WORK/own.pem -o smtpd_tls_key_file=$SMTP_WORK/own.key
2607 inet n - n - - smtpd $submission $strict -o smtpd_tls_mandatory_protocols=TLSv1 -o smtpd_tls_mandatory_ciphers=low -o tls_low_cipherlist=ALL:@SECLEVEL=0
2608 inet n - n - - smtpd $submission $strict -o smtpd_tls_wrappermode=yes
2610 inet n - n - - smtpd $submission $strict -o myhostname=other.example.net
2611 inet n - n - - smtpd $submission -o smtpd_delay_reject=no -o smtpd_client_restrictions=sleep:3
2612 inet n - n - - smtpd $open
2613 inet n - n - - smtpd $submission -o smtpd_delay_reject=no -o smtpd_client_restrictions=reject
END
}

postfix_cases ()
{
  own_certificate
  postfix_services | sed 's/sleep:3/{sleep 3}/' >> "$SMTP_WORK/postfix/master.cf"
  sed -i 's/-o smtpd_client_restrictions={sleep 3}/-o { smtpd_client_restrictions = sleep 3 }/' "$SMTP_WORK/postfix/master.cf"
  postfix -c "$SMTP_WORK/postfix" reload >/dev/null 2>&1
  wait_for_ports 25 465 587 2601 2602 2603 2604 2605 2606 2607 2608 2610 2611 2612 2613
  diagnose 'healthy' ''
  diagnose 'healthy, asked to relay' '' --relay-test
  expect 'healthy, as a script expects it' --expect case=1 --expect port=587 --expect finding=none --expect family=ipv6
  diagnose 'MAIL before STARTTLS' 'lax-587' --ports 2601
  diagnose 'AUTH in clear' 'auth-in-clear lax-587' --ports 2602
  diagnose 'no TLS' 'starttls-missing' --ports 2603
  diagnose 'no AUTH' 'no-auth' --ports 2604
  diagnose 'everybody may send' 'lax-587' --ports 2605
  diagnose 'its own certificate' 'certificate-name certificate-self-signed' --ports 2606
  diagnose 'TLS 1.0 alone' 'tls-too-old' --ports 2607
  diagnose 'TLS at once on the port of STARTTLS' 'tls-on-starttls-port' --ports 2608
  diagnose 'STARTTLS on the port of TLS at once' 'plaintext-on-tls-port' --ports 2601:implicit
  diagnose 'another name on another port' 'name-differs' --ports 587,2610
  diagnose 'a pause before the greeting' 'greet-pause' --ports 2611
  diagnose 'an open relay, not asked' '' --ports 2612:starttls:transfer
  diagnose 'an open relay' 'open-relay' --ports 2612:starttls:transfer --relay-test
  diagnose 'STARTTLS demanded on port 25' 'tls-demanded-25' --ports 2604:starttls:transfer
  diagnose 'log-ins on port 25' 'mixed-role-25' --ports 2601:starttls:transfer
  diagnose 'a refusal in the greeting' 'greeting-not-220' --ports 2613
  if grep -E 'fatal|panic' "$SMTP_LOG" >"$SMTP_WORK/out/fatal"
  then
    echo "not ok - diagnose $server: the log has $(head -n 1 "$SMTP_WORK/out/fatal")"
  else
    echo "ok - diagnose $server: nothing fatal in the log"
  fi
}

# A second Dovecot, made of the configuration of the first one: the options are commands of sed(1).
second_dovecot ()
{
  local name=$1
  shift
  mkdir -p "$SMTP_WORK/dovecot/$name"
  sed -e "s,^base_dir = .*,base_dir = $SMTP_WORK/dovecot/$name/run," -e "s,^state_dir = .*,state_dir = $SMTP_WORK/dovecot/$name/state," \
      "$@" "$SMTP_WORK/dovecot/plain.conf" | "$here/../real/dovecot-conf" > "$SMTP_WORK/dovecot/$name/dovecot.conf"
  dovecot -c "$SMTP_WORK/dovecot/$name/dovecot.conf" || echo "not ok - diagnose $server: a second Dovecot ($name) does not start"
}

# Whoever comes from the address that is asked is on the same machine, and Dovecot lets him log in without TLS.
another_source ()
{
  ip address add 192.0.2.99/32 dev lo && ip address add 2001:db8::99/128 dev lo nodad \
    && ip route change table local local 192.0.2.1 dev lo src 192.0.2.99 \
    && ip -6 route del table local local 2001:db8::1 \
    && ip -6 route add table local local 2001:db8::1 dev lo src 2001:db8::99 \
    || echo "not ok - diagnose $server: no other source address"
}

dovecot_cases ()
{
  own_certificate
  another_source
  diagnose 'healthy' '' --ports 465,587
  second_dovecot clear -e 's/port = 587/port = 2587/' -e 's/port = 465/port = 2465/' -e 's/^ssl = required/ssl = yes\ndisable_plaintext_auth = no/'
  second_dovecot plain -e 's/port = 587/port = 3587/' -e 's/port = 465/port = 3465/' -e 's/^ssl = required/ssl = no/' -e 's/ssl = yes/ssl = no/'
  second_dovecot own -e 's/port = 587/port = 4587/' -e 's/port = 465/port = 4465/' \
                 -e "s,^ssl_cert = .*,ssl_cert = <$SMTP_WORK/own.pem," -e "s,^ssl_key = .*,ssl_key = <$SMTP_WORK/own.key,"
  wait_for_ports 2587 3587 4587
  diagnose 'AUTH in clear' 'auth-in-clear' --ports 2587
  diagnose 'no TLS' 'auth-in-clear starttls-missing' --ports 3587
  diagnose 'no TLS on the port of TLS at once' 'auth-in-clear plaintext-on-tls-port' --ports 3465:implicit
  diagnose 'its own certificate' 'certificate-name certificate-self-signed' --ports 4587,4465:implicit
  mailbox_cases
}

mailbox_cases ()
{
  if ! [ -x /usr/lib/dovecot/imap-login ] || ! [ -x /usr/lib/dovecot/pop3-login ]
  then
    echo "ok - diagnose $server: mailboxes # SKIP dovecot-imapd or dovecot-pop3d is not installed"
    return
  fi
  # The services of submission go with the end of the file.
  second_dovecot mailbox -e 's/^protocols = .*/protocols = imap pop3/' -e '/^service submission-login/,$d'
  wait_for_ports 110 143 993 995
  diagnose 'mailboxes' '' --ports 110,143,993,995
  local port
  for port in 110 143 993 995
  do
    if jq -e "[.attempts[] | select (.port == $port)] | length == 2 and all (.[];
               .case == 1 and .tls.verified and (.greeting | test (\"OK\")) and (.capabilities | length > 2)
               and (if .mode == \"starttls\" then .starttls == \"offered\" else .starttls == null end))" \
         "$SMTP_WORK/out/diagnosis" >/dev/null
    then
      echo "ok - diagnose $server: port $port: greeting, TLS, certificate"
    else
      echo "not ok - diagnose $server: port $port: $(jq -c .attempts "$SMTP_WORK/out/diagnosis")"
    fi
  done
  second_dovecot bad-mailbox -e 's/^protocols = .*/protocols = imap/' \
                 -e "s,^ssl_cert = .*,ssl_cert = <$SMTP_WORK/own.pem," -e "s,^ssl_key = .*,ssl_key = <$SMTP_WORK/own.key," \
                 -e '/^service submission-login/,$c service imap-login {\ninet_listener imap {\nport = 5143\n}\ninet_listener imaps {\nport = 5993\n}\n}'
  wait_for_ports 5143 5993
  diagnose 'a mailbox with its own certificate' 'certificate-name certificate-self-signed' --ports 5143:starttls:imap,5993:implicit:imap
  second_dovecot clear-mailbox -e 's/^protocols = .*/protocols = imap pop3/' -e 's/^ssl = required/ssl = yes\ndisable_plaintext_auth = no/' \
                 -e '/^service submission-login/,$c service imap-login {\ninet_listener imap {\nport = 6143\n}\ninet_listener imaps {\nport = 0\n}\n}\nservice pop3-login {\ninet_listener pop3 {\nport = 6110\n}\ninet_listener pop3s {\nport = 0\n}\n}'
  second_dovecot plain-mailbox -e 's/^protocols = .*/protocols = imap pop3/' -e 's/^ssl = required/ssl = no/' \
                 -e '/^service submission-login/,$c service imap-login {\ninet_listener imap {\nport = 7143\n}\ninet_listener imaps {\nport = 0\n}\n}\nservice pop3-login {\ninet_listener pop3 {\nport = 7110\n}\ninet_listener pop3s {\nport = 0\n}\n}'
  wait_for_ports 6143 6110 7143 7110
  diagnose 'mailboxes that take passwords in clear' 'mailbox-login-in-clear' --ports 6143:starttls:imap,6110:starttls:pop
  diagnose 'mailboxes without TLS' 'mailbox-no-tls' --ports 7143:starttls:imap,7110:starttls:pop
}

# A second Exim, made of the configuration of the first one: the options are commands of sed(1).
second_exim ()
{
  local port=$1
  shift
  mkdir "$SMTP_WORK/exim/spool-$port"
  chown nobody "$SMTP_WORK/exim/spool-$port"
  sed -e "s,^spool_directory = .*,spool_directory = $SMTP_WORK/exim/spool-$port," -e "s,^pid_file_path = .*,pid_file_path = $SMTP_WORK/exim/pid-$port," \
      -e "s/^daemon_smtp_ports = .*/daemon_smtp_ports = $port/" "$@" "$SMTP_WORK/exim/conf" > "$SMTP_WORK/exim/conf-$port"
  "$SMTP_WORK/exim/exim4" -C "$SMTP_WORK/exim/conf-$port" -bdf >"$SMTP_WORK/log/exim-$port" 2>&1 </dev/null &
  wait_for_ports "$port"
}

exim_cases ()
{
  own_certificate
  install -m 600 -o nobody "$SMTP_WORK/own.key" "$SMTP_WORK/exim/own.key"
  # This one offers a log-in at each of its ports.
  diagnose 'healthy' 'mixed-role-25'
  diagnose 'healthy, asked to relay' 'mixed-role-25' --relay-test
  expect 'healthy, as a script expects it' --expect case=1 --expect port=587 --expect finding=none --expect submit=yes
  second_exim 2601 -e '/^acl_smtp_mail/d'
  second_exim 2602 -e 's/server_advertise_condition = .*/server_advertise_condition = yes/'
  second_exim 2603 -e '/^tls_advertise_hosts/c tls_advertise_hosts ='
  second_exim 2604 -e '/^acl_smtp_mail/d' -e '/^check_rcpt:/,/^  accept/c check_rcpt:\n  accept'
  second_exim 2605 -e "s,^tls_certificate = .*,tls_certificate = $SMTP_WORK/own.pem," -e "s,^tls_privatekey = .*,tls_privatekey = $SMTP_WORK/exim/own.key,"
  second_exim 2606 -e '/^smtp_banner/d' -e '/^primary_hostname/a smtp_banner = other.example.net ESMTP'
  second_exim 2607 -e '/^acl_smtp_mail/a acl_smtp_connect = slow' -e '/^begin acl/a slow:\n  accept delay = 3s'
  diagnose 'MAIL before STARTTLS' 'lax-587' --ports 2601
  diagnose 'AUTH in clear' 'auth-in-clear' --ports 2602
  diagnose 'no TLS' 'starttls-missing' --ports 2603
  diagnose 'an open relay' 'mixed-role-25 open-relay' --ports 2604:starttls:transfer --relay-test
  diagnose 'its own certificate' 'certificate-name certificate-self-signed' --ports 2605
  diagnose 'another name on another port' 'name-differs' --ports 587,2606
  diagnose 'a pause before the greeting' 'greet-pause' --ports 2607
  diagnose 'the port of TLS at once looked at for STARTTLS' 'tls-on-starttls-port' --ports 465:starttls
}

"${server}_cases"
