# satellites.sh --- mail servers that hand all mail to the relay, and nodemailer.
#
# Sourced by run, after suite.sh, which says what a case is.  SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=bash

# Mail servers send as a user of their own.
with_open_relay ()
{
  relay_start "${account[@]}" --anyone || return
  "$@"
  local result=$?
  relay_stop
  return $result
}

# --- nodemailer -------------------------------------------------------------------------------------------

client_nodemailer ()
{
  NODE_PATH=$fetch_cache/npm/node_modules node - "$relay_port" "$SMTP_SENDER" "$box@example.org" >"$out/client" 2>&1 <<'END' \
    || fail "nodemailer: $(tail -n 1 "$out/client")" || return
const nodemailer = require('nodemailer');
const [port, from, to] = process.argv.slice(2);
const pool = nodemailer.createTransport({ host: '127.0.0.1', port: Number(port), secure: false, pool: true, maxConnections: 3 });
const send = (text, more) => pool.sendMail({ from, to, subject: 'Gr\u00fc\u00dfe', text, ...more });
(async () => {
  await Promise.all([1, 2, 3, 4, 5, 6].map((number) => send(`${number}\n.\n..\n`)));
  const refused = await send('x', { to: 'nobody-there@example.org' }).then(() => null, (error) => error);
  if (!refused || refused.responseCode !== 550) throw new Error(`not refused: ${refused}`);
  pool.close();
})().catch((error) => { console.log(error.message); process.exit(1); });
END
  expect_mails "$box" 6
}

case_nodemailer ()
{
  needs node || return
  [ -d "$fetch_cache/npm/node_modules/nodemailer" ] || skip_case 'the npm package nodemailer is not here: install node and npm' || return
  with_relay client_nodemailer
}

# --- Exim -------------------------------------------------------------------------------------------------

# exim_satellite OPTION...: run Exim, which sends all its mail by the relay, with a configuration of its own.
exim_satellite ()
{
  "$satellite" -C "$out/exim.conf" "$@"
}

# Exim closes its half of the connection behind the message; it hears the verdict all the same, and sends nothing twice.
satellite_exim ()
{
  rm -rf "$out/exim"
  mkdir -m 777 "$out/exim"
  cat > "$out/exim.conf" <<END
primary_hostname = satellite.example.org
spool_directory = $out/exim
log_file_path = $out/exim/log-%s
exim_path = $satellite
keep_environment =
begin routers
bounces:
  driver = accept
  senders = :
  transport = bounce
smart:
  driver = manualroute
  route_list = * 127.0.0.1::$relay_port
  self = send
  transport = relay
begin transports
relay:
  driver = smtp
  allow_localhost
bounce:
  driver = appendfile
  file = $out/exim/bounces
  user = nobody
begin retry
* * F,2h,15m
END
  a_message exim | exim_satellite -odf -oi -f "$SMTP_SENDER" "$box@example.org" >"$out/client" 2>&1 \
    || fail "exim: $(cat "$out/client")" || return
  expect_mails "$box" 1 || fail "exim: $(tail -n 3 "$out/exim/log-main" "$out/exim/log-panic" 2>&1)" || return
  exim_satellite -qff >"$out/client" 2>&1
  stored_are "$box" 1 || fail "it arrived twice" || return
  grep -q ' Completed$' "$out/exim/log-main" || fail "exim does not know that it arrived: $(tail -n 3 "$out/exim/log-main")" || return
  a_message exim | exim_satellite -odf -oi -f "$SMTP_SENDER" nobody-there@example.org >"$out/client" 2>&1
  wait_until grep -qs '550' "$out/exim/bounces" || fail "no bounce: $(tail -n 3 "$out/exim/log-main")" || return
  grep -q '550[- ]5\.1\.1 <nobody-there@example\.org>' "$out/exim/bounces" || fail "the bounce has other words" || return
  queued_are 0 || fail "it is in the outbox, too"
}

case_exim-satellite ()
{
  satellite=$(command -v exim4) || satellite=$fetch_cache/exim4-daemon-light/usr/sbin/exim4
  [ -x "$satellite" ] || skip_case 'exim4 is not installed, and exim4-daemon-light cannot be downloaded' || return
  # A user whose name the program has built in.
  grep -q '^Debian-exim:' /etc/passwd || {
    cp /etc/passwd "$SMTP_WORK/passwd-exim" && cp /etc/group "$SMTP_WORK/group-exim"
    echo "Debian-exim:x:$(id -u nobody):$(id -g nobody)::/nonexistent:/usr/sbin/nologin" >> "$SMTP_WORK/passwd-exim"
    echo "Debian-exim:x:$(id -g nobody):" >> "$SMTP_WORK/group-exim"
    mount --bind "$SMTP_WORK/passwd-exim" /etc/passwd && mount --bind "$SMTP_WORK/group-exim" /etc/group
  } || return
  with_open_relay satellite_exim
  local result=$?
  umount /etc/passwd /etc/group 2>/dev/null
  return $result
}

# --- Postfix ----------------------------------------------------------------------------------------------

# Another Postfix than the server, with the relay as its relayhost.
satellite_postfix ()
{
  local place=$SMTP_WORK/satellite
  rm -rf "$place"
  mkdir -p "$place/conf" "$place/queue" "$place/data"
  chown postfix "$place/data"
  sed '/^smtp .*inet/d; /^submission/,/^[^ ]/{/^submission/d}; /^ /d' /etc/postfix/master.cf.proto > "$place/conf/master.cf" 2>/dev/null \
    || cp /usr/share/postfix/master.cf.dist "$place/conf/master.cf" || return
  sed -i -E '/^[a-z0-9.:]+ +inet /d; s/^([a-z]+ +[a-z]+ +[-yn]+ +[-yn]+ +)[-yn]/\1n/' "$place/conf/master.cf"
  cat > "$place/conf/main.cf" <<END
compatibility_level = 3.6
queue_directory = $place/queue
data_directory = $place/data
maillog_file = $SMTP_WORK/log/satellite
maillog_file_prefixes = $SMTP_WORK
multi_instance_name = postfix-satellite
multi_instance_enable = yes
myhostname = satellite.example.org
mydestination =
inet_interfaces =
relayhost = [127.0.0.1]:$relay_port
smtp_host_lookup = native
smtp_tls_security_level = none
alias_maps =
local_transport = error
bounce_template_file =
END
  printf 'postlog unix-dgram n - n - 1 postlogd\n' >> "$place/conf/master.cf"
  postfix -c "$place/conf" start >"$out/client" 2>&1 || fail "the satellite does not start: $(tail -n 2 "$out/client")" || return
  a_message postfix | sed 's/\r$//' | sendmail -C "$place/conf" -i -f "$SMTP_SENDER" "$box@example.org" >"$out/client" 2>&1
  a_message postfix | sed 's/\r$//' | sendmail -C "$place/conf" -i -f "$SMTP_SENDER" nobody-there@example.org >>"$out/client" 2>&1
  wait_until grep -qs 'status=bounced .*550 5\.1\.1' "$SMTP_WORK/log/satellite" \
    || { fail "no bounce: $(cat "$out/client"; tail -n 3 "$SMTP_WORK/log/satellite")"; return; }
  expect_mails "$box" 1
}

case_postfix-satellite ()
{
  [ "$(id -u)" = 0 ] || skip_case 'a second Postfix wants root' || return
  with_open_relay satellite_postfix
  local result=$?
  postfix -c "$SMTP_WORK/satellite/conf" stop >/dev/null 2>&1
  return $result
}
