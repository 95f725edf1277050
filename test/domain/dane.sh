# dane.sh --- zones with TLSA records of each kind, right and wrong, and what Postfix says of them.
#
# Sourced by run.  A case is NAME KIND VERDICT RECORD...: what its only server shows (a certificate of test/peer, or no-tls),
# the finding it must have, and its TLSA records, each USAGE/SELECTOR/MATCHING/WHOSE: WHOSE is leaf, issuer or root, with a
# `!' in front where the data are wrong.
# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=bash

dane_kinds=(good intermediate rsa2048 othername expired self-signed no-tls)

dane_cases ()
{
  local kind s m usage
  for s in 0 1
  do
    for m in 0 1 2
    do
      for kind in good intermediate rsa2048 othername expired self-signed
      do
        echo "ee-$kind-$s-$m" "$kind" dane "3/$s/$m/leaf"
      done
      echo "ee-wrong-$s-$m" good dane-mismatch "3/$s/$m/!leaf"
      echo "ta-$s-$m" intermediate dane "2/$s/$m/issuer"
      echo "ta-wrong-$s-$m" intermediate dane-mismatch "2/$s/$m/!issuer"
    done
  done
  for usage in 0 1
  do
    echo "pkix-$usage-leaf" good dane-unusable "$usage/0/1/leaf"
    echo "pkix-$usage-key" good dane-unusable "$usage/1/1/leaf"
  done
  echo two-records good dane 3/1/1/!leaf 3/1/1/leaf
  echo two-usages intermediate dane 3/1/1/!leaf 2/0/1/issuer
  echo usable-and-not good dane 1/1/1/!leaf 3/1/1/leaf
  echo usable-wrong good dane-mismatch 1/1/1/leaf 3/1/1/!leaf
  echo in-dns good dane 2/0/0/root
  echo in-dns-other-name othername dane-mismatch 2/0/0/root
  echo in-dns-expired expired dane-mismatch 2/0/0/root
  echo not-sent good dane-mismatch 2/0/1/root
  echo leaf-as-issuer good dane-mismatch 2/0/1/leaf
  echo no-tls no-tls dane-no-tls 3/1/1/leaf
  echo selector-2 good dane-unusable 3/2/1/leaf
  echo matching-3 good dane-unusable 3/1/3/leaf
}

# The names and servers, before anything is started.
dane_hosts ()
{
  local number=100 kind name
  for kind in "${dane_kinds[@]}"
  do
    ip address add "192.0.2.$number/32" dev lo || return
    case $kind in
      no-tls) echo "192.0.2.$number:25,noauth,plain" ;;
      *) echo "192.0.2.$number:25,noauth,cert=$kind" ;;
    esac >> "$RACE_WORK/peer.script"
    while read -r name other _
    do
      if [ "$other" = "$kind" ]
      then
        echo "192.0.2.$number mx-$name.example.org" >> "$RACE_WORK/hosts"
        echo "mx-$name.example.org A 192.0.2.$number" >> "$RACE_WORK/zone-dane"
      fi
    done < <(dane_cases)
    number=$((number + 1))
  done
}

# der KIND WHOSE: that certificate.
der ()
{
  local kind=$1
  [ "$kind" != no-tls ] || kind=good
  case $2 in
    leaf) openssl x509 -in "$RACE_WORK/certs/$kind.pem" -outform DER ;;
    issuer) awk '/BEGIN/ { n++ } n == 2' "$RACE_WORK/certs/$kind.pem" | openssl x509 -outform DER ;;
    root) openssl x509 -in "$RACE_WORK/certs/ca.pem" -outform DER ;;
  esac
}

# data KIND SELECTOR MATCHING WHOSE, in hexadecimal.
tlsa_data ()
{
  local kind=$1 selector=$2 matching=$3 whose=${4#!} data
  data=$(der "$kind" "$whose" \
           | if [ "$selector" = 1 ]; then openssl x509 -inform DER -noout -pubkey | openssl pkey -pubin -outform DER; else cat; fi \
           | case $matching in 1|3) openssl dgst -sha256 -binary ;; 2) openssl dgst -sha512 -binary ;; *) cat ;; esac \
           | od -An -v -tx1 | tr -d ' \n')
  if [ "$4" != "$whose" ]; then data=$(echo "$data" | rev | tr '0-9a-f' '1-9a-f0' | rev); fi
  echo "$data"
}

# The records, once there are certificates.
dane_zone ()
{
  local name kind verdict record usage selector matching whose
  cat "$RACE_WORK/zone-dane"
  # What Postfix asks to know whether there is DNSSEC.
  echo '. NS ns.example.org'
  while read -r name kind verdict record
  do
    echo "$name.example.org MX 10 mx-$name.example.org"
    for record in $record
    do
      IFS=/ read -r usage selector matching whose <<< "$record"
      echo "_25._tcp.mx-$name.example.org TLSA $usage $selector $matching $(tlsa_data "$kind" "$selector" "$matching" "$whose")"
    done
  done < <(dane_cases)
}

# What posttls-finger says of each: verified, not (a connection all the same), or failed.  Nothing where it cannot be had.
postfix_says ()
{
  local name said
  command -v posttls-finger >/dev/null || return 0
  mkdir "$RACE_WORK/postfix"
  printf '%s\n' 'compatibility_level = 3.6' 'myhostname = client.example.org' > "$RACE_WORK/postfix/main.cf"
  : > "$RACE_WORK/postfix/master.cf"
  export MAIL_CONFIG=$RACE_WORK/postfix
  # It waits more than it works.
  dane_cases | cut -d' ' -f1 | xargs -P 8 -I NAME sh -c \
    'timeout 100 posttls-finger -l dane -t 30 -T 30 -c NAME.example.org >"$MAIL_CONFIG/NAME.log" 2>&1 </dev/null; true'
  for name in $(dane_cases | cut -d' ' -f1)
  do
    said=$(cat "$MAIL_CONFIG/$name.log")
    case $said in
      *setgid*|*setuid*) return ;;
      *'Verified TLS connection established'*) echo "$name verified" ;;
      *'TLS connection established'*) echo "$name not" ;;
      *) echo "$name failed" ;;
    esac
  done
}
