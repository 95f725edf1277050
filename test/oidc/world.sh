# world.sh --- the world of the fourteen providers: what is in it but their mail servers, which the tests start.
#
# Sourced by run, inside of the namespaces.  SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=bash disable=SC2154  # here is of run

issuers=(https://accounts.google.com closed
         https://login.microsoftonline.com/consumers/v2.0 closed
         https://login.microsoftonline.com/organizations/v2.0 closed
         https://id.reg.example https://id.pacc.example
         https://id.auto.example closed)

# start NAME REGEXP COMMAND...: start COMMAND, which ends with our end of its standard input, and wait until it says REGEXP.
start ()
{
  local name=$1 regexp=$2
  shift 2
  "$@" < "$RACE_WORK/stdin" > "$RACE_WORK/$name.out" 2>&1 7>&- &
  children+=($!)
  wait_until grep -q "$regexp" "$RACE_WORK/$name.out" || give_up "no $name: $(cat "$RACE_WORK/$name.out")"
}

# in_place FILE...: the first FILE, which is ours, is what is found at each of the others that are there.
in_place ()
{
  local ours=$1 file found=
  shift
  for file
  do
    [ -e "$file" ] || continue
    mount --bind "$ours" "$(readlink -f "$file")" || give_up "no $file of our own"
    found=1
  done
  [ -n "$found" ] || give_up "there is none of $*"
}

addresses ()
{
  local address
  ip link set lo up || give_up "no network"
  for address in $(grep -o '198\.51\.100\.[0-9]*' "$here/zone" | sort -u)
  do
    ip address add "$address/32" dev lo || give_up "no addresses"
  done
}

# What a name server and an authority of our own look like from this machine.
names ()
{
  local document=$here/web/ua-auto-config.pacc.example/.well-known/user-agent-configuration.json
  cp "$here/zone" "$RACE_WORK/zone"
  printf '_ua-auto-config.pacc.example TXT v=UAAC1; a=sha256; d=%s\n' \
         "$(openssl dgst -sha256 -binary "$document" | base64)" >> "$RACE_WORK/zone"
  start DNS '^ready' python3 "$here/../domain/server.py" 127.0.0.1 53 "$RACE_WORK/zone"
  echo 'nameserver 127.0.0.1' > "$RACE_WORK/resolv.conf"
  echo '127.0.0.1 localhost' > "$RACE_WORK/hosts"
  { echo 'hosts: files dns'; grep -v '^hosts:' /etc/nsswitch.conf; } > "$RACE_WORK/nsswitch.conf"
  in_place "$RACE_WORK/resolv.conf" /etc/resolv.conf
  in_place "$RACE_WORK/hosts" /etc/hosts
  in_place "$RACE_WORK/nsswitch.conf" /etc/nsswitch.conf
}

# The authority is the test server's, which makes it when it starts.
authority ()
{
  export PROVIDERS_CERTS=$RACE_WORK/certs
  start peer listeners "$MEW_SUBMIT_ROOT/test/peer/peer" --certs "$PROVIDERS_CERTS" 127.0.0.1:0
  in_place "$PROVIDERS_CERTS/ca.pem" /etc/ssl/certs/ca-certificates.crt /etc/pki/tls/certs/ca-bundle.crt \
           /etc/ssl/ca-bundle.pem
}

# What has a certificate for all names: the web, and Dovecot.
web ()
{
  local names
  names=$(awk '$2 == "A" { printf "%sDNS:%s", comma, $1; comma = "," }' "$here/zone")
  openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj /CN=web -keyout "$PROVIDERS_CERTS/key.pem" \
          2>"$RACE_WORK/openssl.log" \
    | openssl x509 -req -days 5 -CA "$PROVIDERS_CERTS/ca.pem" -CAkey "$PROVIDERS_CERTS/ca.key" -CAcreateserial \
              -out "$PROVIDERS_CERTS/cert.pem" -extfile <(echo "subjectAltName=$names") 2>>"$RACE_WORK/openssl.log" \
    || give_up "no certificate: $(cat "$RACE_WORK/openssl.log")"
  start web '^https:' node "$here/server.mjs" "$PROVIDERS_CERTS" 198.51.100.80 "${issuers[@]}"
}

# The session bus that GNOME's settings would be on; without one that provider is skipped.
bus ()
{
  command -v dbus-daemon >/dev/null || return 0
  start bus '^unix:' dbus-daemon --session --nofork --print-address=1
  DBUS_SESSION_BUS_ADDRESS=$(head -n 1 "$RACE_WORK/bus.out")
  export DBUS_SESSION_BUS_ADDRESS
}

world ()
{
  mkfifo "$RACE_WORK/stdin"
  exec 7<> "$RACE_WORK/stdin"
  # Dovecot's processes are not all root's.
  chmod a+x "$RACE_WORK" "$TMPDIR"
  unset DISPLAY WAYLAND_DISPLAY http_proxy https_proxy HTTPS_PROXY no_proxy
  addresses
  names
  authority
  web
  bus
}
