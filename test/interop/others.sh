# others.sh --- servers that are neither Postfix, Dovecot nor Exim: aiosmtpd, smtp-server, Haraka, chasquid and Sendmail.
#
# Sourced by run.  Each listens on a port of its own, with STARTTLS and a log-in inside, but Sendmail, in the clear; whom it takes mail
# for has a mailbox.  There is nobody called unknown@example.org.
# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=bash
# shellcheck disable=SC2034  # read by run, suite.sh and cases.sh

server_user=nobody
server_ports=
accepted='^250 '
declare -A others_port=([aiosmtpd]=2501 [smtp-server]=2502 [haraka]=2503 [chasquid]=2504 [sendmail]=2505)
declare -A others_wanted=(
  [aiosmtpd]='Debian package python3-aiosmtpd' [smtp-server]='npm package smtp-server (with node and npm)'
  [haraka]='npm package Haraka (with node and npm)' [chasquid]='Debian package chasquid'
  [sendmail]='one of the Debian packages sendmail-bin, sendmail-cf and m4')

. "$here/fetch.sh"

# What is here, or can be fetched.
server_find ()
{
  local name
  fetch_npm smtp-server Haraka
  command -v chasquid >/dev/null || fetch_debian chasquid
  fetch_debian sendmail-bin sendmail-cf m4
  PYTHONPATH=$(others_python) python3 -c 'import aiosmtpd' 2>/dev/null || fetch_debian python3-aiosmtpd python3-public python3-attr
  for name in "${!others_port[@]}"
  do
    others_here "$name" && return
  done
  server_missing='none of them is here: run make deps, or install python3-aiosmtpd or chasquid'
  return 1
}

others_python ()
{
  local package path=
  for package in python3-aiosmtpd python3-public python3-attr
  do
    path=$path$fetch_cache/$package/usr/lib/python3/dist-packages:
  done
  echo "$path"
}

others_here ()
{
  case $1 in
    aiosmtpd) PYTHONPATH=$(others_python) python3 -c 'import aiosmtpd' 2>/dev/null ;;
    smtp-server) command -v node >/dev/null && [ -d "$fetch_cache/npm/node_modules/smtp-server" ] ;;
    haraka) command -v node >/dev/null && [ -d "$fetch_cache/npm/node_modules/Haraka" ] ;;
    chasquid) PATH=$PATH:$fetch_cache/chasquid/usr/bin command -v chasquid >/dev/null ;;
    sendmail)
      [ -d "$fetch_cache/sendmail-cf" ] && [ -d "$fetch_cache/m4" ] \
        && ! ldd "$fetch_cache/sendmail-bin/usr/libexec/sendmail/sendmail" 2>&1 | grep -q 'not found\|No such' ;;
  esac
}

server_start ()
{
  local name
  mkdir "$SMTP_WORK/others"
  # A program that puts mail into a mailbox.
  cat > "$SMTP_WORK/others/store" <<END
#!/bin/sh
mkdir -p "$SMTP_MAILBOXES/\$1/new" && cat > "$SMTP_MAILBOXES/\$1/part" && mv "$SMTP_MAILBOXES/\$1/part" "$SMTP_MAILBOXES/\$1/new/\$\$"
END
  chmod 755 "$SMTP_WORK/others/store"
  export OTHERS_PORT SMTP_WORK SMTP_MAILBOXES SMTP_USER SMTP_PASSWORD SMTP_HOST
  for name in "${!others_port[@]}"
  do
    others_here "$name" || continue
    OTHERS_PORT=${others_port[$name]}
    "start_$name" || return
    server_ports="$server_ports $OTHERS_PORT"
  done
}

start_aiosmtpd ()
{
  PYTHONPATH=$(others_python) python3 "$here/others.py" >"$SMTP_WORK/log/aiosmtpd" 2>&1 </dev/null &
}

start_smtp-server ()
{
  NODE_PATH=$fetch_cache/npm/node_modules node "$here/others.js" >"$SMTP_WORK/log/smtp-server" 2>&1 </dev/null &
}

start_haraka ()
{
  local place=$SMTP_WORK/others/haraka
  mkdir -p "$place/config" "$place/plugins" "$place/queue"
  cp "$fetch_cache/npm/node_modules/Haraka/config/connection.ini" "$place/config/"
  printf 'listen=[::0]:%s\nnodes=0\n' "$OTHERS_PORT" > "$place/config/smtp.ini"
  printf 'key=%s\ncert=%s\nno_starttls_ports[]=\n' "$SMTP_WORK/server.key" "$SMTP_WORK/server.pem" > "$place/config/tls.ini"
  printf 'tls\nhere\n' > "$place/config/plugins"
  printf '[main]\nlevel=error\n' > "$place/config/log.ini"
  echo "$SMTP_HOST" > "$place/config/me"
  cp "$here/others-haraka.js" "$place/plugins/here.js"
  node "$fetch_cache/npm/node_modules/Haraka/bin/haraka" -c "$place" >"$SMTP_WORK/log/haraka" 2>&1 </dev/null &
}

start_chasquid ()
{
  local place=$SMTP_WORK/others/chasquid name
  PATH=$PATH:$fetch_cache/chasquid/usr/bin
  mkdir -p "$place/certs/$SMTP_HOST" "$place/domains/example.org" "$place/data"
  cp "$SMTP_WORK/server.pem" "$place/certs/$SMTP_HOST/fullchain.pem"
  cp "$SMTP_WORK/server.key" "$place/certs/$SMTP_HOST/privkey.pem"
  cp "$SMTP_WORK/others/store" "$place/store"
  cat > "$place/chasquid.conf" <<END
hostname: "$SMTP_HOST"
data_dir: "$place/data"
submission_address: "[::]:$OTHERS_PORT"
mail_log_path: "<stderr>"
mail_delivery_agent_bin: "$place/store"
mail_delivery_agent_args: "%to_user%"
END
  chasquid-util -C="$place" user-add "$SMTP_USER@example.org" --password="$SMTP_PASSWORD" >"$SMTP_WORK/log/chasquid" 2>&1 || return
  for name in a b box-{1..40}
  do
    echo "$name: | $place/store $name"
  done > "$place/domains/example.org/aliases"
  chasquid -config_dir="$place" >>"$SMTP_WORK/log/chasquid" 2>&1 </dev/null &
}

# Sendmail's configuration is made of macros.  It leaves mail in its queue, the text apart from the header.
start_sendmail ()
{
  local tab=$'\t' place=$SMTP_WORK/others/sendmail cf=$fetch_cache/sendmail-cf/usr/share/sendmail/cf
  mkdir -p "$place/queue"
  printf 'hosts files\n' > "$place/switch"
  # However busy the machine is, it listens.
  cat > "$place/mc" <<END
include(\`$cf/m4/cf.m4')
OSTYPE(\`linux')
define(\`confDOMAIN_NAME', \`$SMTP_HOST')
define(\`confPID_FILE', \`$place/pid')
define(\`QUEUE_DIR', \`$place/queue')
define(\`ALIAS_FILE', \`')
define(\`STATUS_FILE', \`')
define(\`HELP_FILE', \`')
define(\`confCW_FILE', \`-o $place/none')
define(\`confCT_FILE', \`-o $place/none')
define(\`confREFUSE_LA', \`10000')
define(\`confQUEUE_LA', \`10000')
define(\`confDELIVERY_MODE', \`queueonly')
define(\`confTO_IDENT', \`0')
define(\`confSERVICE_SWITCH_FILE', \`$place/switch')
FEATURE(\`nocanonify')
FEATURE(\`accept_unresolvable_domains')
FEATURE(\`no_default_msa')
DAEMON_OPTIONS(\`Port=$OTHERS_PORT, Name=MTA, Family=inet6')
LOCAL_CONFIG
Cwexample.org
MAILER(\`local')
MAILER(\`smtp')
LOCAL_RULESETS
SLocal_check_rcpt
R\$*unknown@\$*$tab\$#error \$@ 5.1.1 \$: "550 User unknown"
END
  (cd "$cf/cf" && "$fetch_cache/m4/usr/bin/m4" -D_CF_DIR_="$cf/" "$place/mc") > "$place/cf" 2>"$SMTP_WORK/log/sendmail" || return
  "$fetch_cache/sendmail-bin/usr/libexec/sendmail/sendmail" -C "$place/cf" -bD >>"$SMTP_WORK/log/sendmail" 2>&1 </dev/null &
}

# --- Cases ------------------------------------------------------------------------------------------------

# others NAME RECIPIENT...: submit $out/message to the server NAME.
others ()
{
  local name=$1 user=$SMTP_USER log_in
  shift
  others_here "$name" || skip_case "${others_wanted[$name]} is not installed" || return
  [ "$name" != chasquid ] || user=$user@example.org
  log_in=(--user "$user" --password-file "${password_file:-$SMTP_PASSWORD_FILE}")
  if [ "$name" = sendmail ]
  then
    submit "$out/message" --tls none --routes "${others_port[$name]}:none" "$@"
  else
    submit "$out/message" "${log_in[@]}" --routes "${others_port[$name]}:starttls" "$@"
  fi
}

others_delivery ()
{
  message_mime > "$out/message"
  others "$1" "$box@example.org" || return
  expect 0 delivered && expect_stored "$box" "$out/message"
}

# A line that aiosmtpd refuses, and that Haraka cuts: it arrives whole.
others_long-line ()
{
  { header long-line; echo; octets 5000 y; echo; } > "$out/message"
  others "$1" "$box@example.org" || return
  expect 0 delivered || return
  wait_until one_file_in "$box" || fail "nothing arrived" || return
  python3 - "$SMTP_MAILBOXES/$box"/new/* <<'END' || fail "another text arrived"
import email, sys
message = email.message_from_binary_file(open(sys.argv[1], "rb"))
text = message.get_payload(decode=True).replace(b"\r\n", b"\n")
sys.exit(0 if text.rstrip(b"\n") == b"y" * 5000 else 1)
END
}

others_one-refused ()
{
  message_mime > "$out/message"
  others "$1" unknown@example.org "$box@example.org" || return
  expect 69 partial || return
  done_has '[.recipients[] | .code] == [550, 250]' && expect_stored "$box" "$out/message"
}

others_wrong-password ()
{
  message_mime > "$out/message"
  echo 'not the password' > "$out/password"
  password_file=$out/password others "$1" a@example.org || return
  expect 77 refused && expect_nothing_stored
}

case_aiosmtpd-delivery () { others_delivery aiosmtpd; }
case_aiosmtpd-long-line () { others_long-line aiosmtpd; }
case_aiosmtpd-one-refused () { others_one-refused aiosmtpd; }
case_aiosmtpd-wrong-password () { others_wrong-password aiosmtpd; }
case_smtp-server-delivery () { others_delivery smtp-server; }
case_smtp-server-long-line () { others_long-line smtp-server; }
case_smtp-server-one-refused () { others_one-refused smtp-server; }
case_smtp-server-wrong-password () { others_wrong-password smtp-server; }
case_haraka-delivery () { others_delivery haraka; }
case_haraka-long-line () { others_long-line haraka; }
case_haraka-one-refused () { others_one-refused haraka; }
case_haraka-wrong-password () { others_wrong-password haraka; }
case_chasquid-delivery () { others_delivery chasquid; }
case_chasquid-long-line () { others_long-line chasquid; }
case_chasquid-one-refused () { others_one-refused chasquid; }
case_chasquid-wrong-password () { others_wrong-password chasquid; }

# The one message in Sendmail's queue has the text of FILE.
expect_queued ()
{
  local queue=$SMTP_WORK/others/sendmail/queue
  [ "$(find "$queue" -name 'df*' | wc -l)" = 1 ] || fail "not one message in the queue" || return
  sed '1,/^$/d' "$1" | cmp -s - "$queue"/df* || fail 'another text arrived' || return
  rm "$queue"/*
}

case_sendmail-delivery ()
{
  message_mime > "$out/message"
  others sendmail "$box@example.org" || return
  expect 0 delivered && expect_queued "$out/message"
}

case_sendmail-one-refused ()
{
  message_mime > "$out/message"
  others sendmail unknown@example.org "$box@example.org" || return
  expect 69 partial || return
  done_has '[.recipients[] | .code] == [550, 250]' && expect_queued "$out/message"
}
