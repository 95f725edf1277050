# kerberos.sh --- a Kerberos realm of its own, EXAMPLE.ORG, whose KDC is beside the server.
#
# Sourced by run.  SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=bash

realm=EXAMPLE.ORG

# Is there what a realm needs?  Else say in kerberos_missing what is not.
kerberos_find ()
{
  local program
  for program in krb5kdc kdb5_util kadmin.local kinit
  do
    command -v $program >/dev/null || { kerberos_missing="$program is not installed"; return 1; }
  done
}

# A KDC, the user, the server's key in $kerberos/keytab, and for the client an environment in which there is no ticket yet.
kerberos_start ()
{
  kerberos=$SMTP_WORK/kerberos
  mkdir -m 755 "$kerberos" || return
  cat > "$kerberos/krb5.conf" <<END
[libdefaults]
  default_realm = $realm
  dns_lookup_kdc = false
  dns_lookup_realm = false
  dns_canonicalize_hostname = false
  rdns = false
  default_ccache_name = FILE:$kerberos/tickets
  default_rcache_name = none:
[realms]
  $realm = {
    kdc = 192.0.2.1:88
  }
[domain_realm]
  .example.org = $realm
END
  cat > "$kerberos/kdc.conf" <<END
[kdcdefaults]
  kdc_listen = 192.0.2.1:88
  kdc_tcp_listen = 192.0.2.1:88
[realms]
  $realm = {
    database_name = $kerberos/principal
    key_stash_file = $kerberos/stash
    acl_file = $kerberos/acl
  }
[logging]
  kdc = FILE:$SMTP_WORK/log/kdc
END
  export KRB5_CONFIG=$kerberos/krb5.conf KRB5_KDC_PROFILE=$kerberos/kdc.conf
  {
    kdb5_util create -s -P 'the master key' \
      && kadmin.local -q "addprinc -pw user-password $SMTP_USER" \
      && kadmin.local -q "addprinc -randkey smtp/$SMTP_HOST" \
      && kadmin.local -q "ktadd -k $kerberos/keytab smtp/$SMTP_HOST"
  } >"$SMTP_WORK/log/kerberos" 2>&1 </dev/null || return
  chmod 644 "$kerberos/keytab"
  krb5kdc -n >>"$SMTP_WORK/log/kerberos" 2>&1 </dev/null &
  kdc=$!
  wait_until port_open 192.0.2.1 88
}

# Get, or get rid of, the user's ticket.
log_in_at_kdc () { echo user-password | kinit "$SMTP_USER" >"$out/kinit" 2>&1 || fail "no ticket: $(cat "$out/kinit")"; }
log_out_at_kdc () { rm -f "$kerberos/tickets"; }
