# messages.sh --- the messages that have to arrive as they were sent.
#
# Sourced by run.  Each function message_NAME writes a message to its standard output.  Its header starts with
# "Subject: NAME", which is also how the test finds where the trace headers of the server end.
# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=bash

# Write a complete header for the message NAME, without the empty line.
header ()
{
  cat <<END
Subject: $1
From: Sender <$SMTP_SENDER>
To: Somebody <a@example.org>
Date: Mon, 02 Nov 2026 10:00:00 +0000
Message-ID: <$1.1@example.org>
MIME-Version: 1.0
END
}

# Lines of text with the number of octets given, without line end in the last.
octets ()
{
  head -c "$1" /dev/zero | tr '\0' "$2"
}

message_mime ()
{
  header mime
  cat <<'END'
Content-Type: multipart/mixed; boundary="=-=-="

--=-=-=
Content-Type: text/plain; charset=utf-8
Content-Transfer-Encoding: 8bit

Grüße aus dem Hintergrund.
.hidden files begin with a dot
--=-=-=
Content-Type: application/octet-stream
Content-Disposition: attachment; filename=random
Content-Transfer-Encoding: base64

END
  head -c 5000 /dev/urandom | base64 -w 76
  echo '--=-=-=--'
}

message_25mb ()
{
  header 25mb
  printf 'Content-Transfer-Encoding: base64\n\n'
  head -c 19400000 /dev/urandom | base64 -w 76
}

message_lines-998 ()
{
  header lines-998
  echo
  for letter in a b c d e f g h i j
  do
    octets 998 $letter
    echo
  done
}

message_lines-5000 ()
{
  header lines-5000
  echo
  for letter in a b . c
  do
    octets 5000 $letter
    echo
  done
}

message_dots ()
{
  header dots
  printf '\n.\n..\n...\n.\n\n.\n .\n. \n.a\n..a\n.\r\n.\r\n.\r.\r'
  printf 'QUIT\n.\nMAIL FROM:<smuggled@example.org>\r\n.\r\n'
  octets 1000 .
  printf '\n.'
}

# A dot line after every length of line up to 700: some of them meets the border of every buffer.
message_dots-everywhere ()
{
  header dots-everywhere
  echo
  local n
  for n in {1..700}
  do
    printf '%*s\n.\n' "$n" x
  done
}

message_line-ends-mixed ()
{
  header line-ends-mixed
  printf '\nLF\nCRLF\r\nCR\rLFLF\n\nCRCR\r\rCRCRLF\r\r\nLFCR\n\rLF.CRLF\n.\r\nCR.CR\r.\rCRLF.LF\r\n.\nCR.LF\r.\nend\r'
}

message_line-ends-crlf ()
{
  { header line-ends-crlf; printf '\none\n\n.\ntwo\n'; } | sed 's/$/\r/'
}

message_line-ends-cr ()
{
  { header line-ends-cr; printf '\none\n\n.\ntwo\n'; } | tr '\n' '\r'
}

# Every octet but NUL, and text in ISO 8859-1.
message_8bit ()
{
  header 8bit
  printf 'Content-Type: text/plain; charset=iso-8859-1\nContent-Transfer-Encoding: 8bit\n\nGr\374\337e\n'
  local n
  for n in {1..255}
  do
    printf "\\x$(printf %02x "$n")"
  done
  echo
}

message_no-final-newline ()
{
  header no-final-newline
  printf '\nno newline follows'
}

message_empty-body ()
{
  header empty-body
  echo
}

message_headers-only ()
{
  header headers-only
}

message_empty-lines ()
{
  header empty-lines
  printf '\n\n\n\n\n'
}

message_nul ()
{
  header nul
  printf '\nbefore\0after\n'
}

# One octet in a line of a size that no reader holds at once.
message_nul-at-the-end ()
{
  header nul-at-the-end
  echo
  head -c 3000000 /dev/urandom | base64 -w 76
  printf 'x\0'
}

# FILE as RFC 5321 has it, with LF for CRLF as the mailbox stores it: CRLF, CR and LF each end a line, and the last
# line is ended too.
normalised ()
{
  {
    cat "$1"
    # A last CR becomes CRLF here, which is one line end.
    [ "$(tail -c 1 "$1" | od -An -tx1)" = ' 0a' ] || echo
  } | LC_ALL=C sed 's/\r*$//' | tr '\r' '\n'
}

# The message on standard input as its writer had it: where FILE, which was sent, has a line that mail cannot carry, the
# text was encoded (J8).
as_written ()
{
  if LC_ALL=C grep -qE '^.{999}' "$1"; then python3 -c '
import quopri, sys
head, _, body = sys.stdin.buffer.read().partition(b"\n\n")
before = open(sys.argv[1], "rb").read().replace(b"\r\n", b"\n").partition(b"\n\n")[0].split(b"\n")
lines = head.split(b"\n")
added = b"content-transfer-encoding: quoted-printable"
assert any(line.lower() == added for line in lines), head
kept = [line for line in lines if line in before]
sys.stdout.buffer.write(b"\n".join(kept) + b"\n\n" + quopri.decodestring(body))' "$1"
  else
    cat
  fi
}
