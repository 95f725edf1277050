#!/usr/bin/env bash
# disk.sh --- an outbox on a full disk, and one that cannot be written to.
#
# usage: unshare -rm bash test/crash/disk.sh DIRECTORY    (at the top of the tree)
# Mounts small file systems in a mount namespace of its own.  Prints TAP lines.
# SPDX-License-Identifier: GPL-3.0-or-later

set -u
EMACS=${EMACS:-emacs}
top=$1
full=$top/full readonly=$top/readonly
mkdir -p "$full" "$readonly" "$top/home" || exit 2
export HOME=$top/home TMPDIR=$top

say ()
{
  if [ "$1" -eq 0 ]; then echo "ok - crash: $2"; else echo "not ok - crash: $2: $3"; fi
}

mount -t tmpfs -o size=64k,mode=700 none "$full" || exit 2
mount -t tmpfs -o ro,mode=700 none "$readonly" || exit 2

# The message is larger than the disk: a clear error, and nothing is left of it.
(printf 'From: me@x\nTo: a@x\n\n'; head -c 200000 /dev/zero | tr '\0' 'x' | fold -w 70) >"$top/large"
(printf 'From: me@x\nTo: a@x\n\nsmall\n') >"$top/small"

send ()
{
  "$EMACS" -Q --batch -l mew-submit.el -f mew-submit-batch-send -- --outbox "$1" --server 127.0.0.1 --routes 9:starttls \
           a@x <"$2" >"$top/out" 2>&1
}

send "$full" "$top/large"; status=$?
if [ "$status" -ne 78 ] && [ "$status" -ne 70 ] && [ "$status" -ne 75 ]; then problem="status $status"
elif ! grep -q 'No space left' "$top/out"; then problem="no clear error: $(head -c 300 "$top/out")"
elif [ -n "$(ls -A "$full")" ]; then problem="files are left: $(ls -A "$full" | tr '\n' ' ')"
else problem=; fi
[ -z "$problem" ]; say $? "a full disk is a clear error, and nothing is left there" "$problem"

# A small one is taken all the same.
send "$full" "$top/small"; status=$?
[ "$status" -eq 75 ] && [ "$(ls "$full"/*.eml | wc -l)" -eq 1 ]
say $? "what fits is taken all the same" "status $status: $(head -c 300 "$top/out")"

send "$readonly/outbox" "$top/small"; status=$?
[ "$status" -eq 78 ] && grep -q 'outbox' "$top/out"
say $? "an outbox that cannot be made is a clear error" "status $status: $(head -c 300 "$top/out")"
send "$readonly" "$top/small"; status=$?
[ "$status" -eq 78 ] && grep -q 'outbox' "$top/out"
say $? "an outbox that cannot be written to is a clear error" "status $status: $(head -c 300 "$top/out")"

# The disk is full when a message that is there already is to be sent: it waits, and goes when there is room.
"$EMACS" -Q --batch -L . -L lisp -L test -l test/crash/disk.el -f crash-disk-run "$full" 2>&1
