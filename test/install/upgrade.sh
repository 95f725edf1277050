# upgrade.sh --- from the last version whose module had another interface to this one, with Emacs open and mail waiting.
#
# Sourced by run.  One Emacs is open from before to after; it has sent a mail, another waits there for a server that says
# nothing yet.  After the upgrade this Emacs sends on, and a new one delivers what waited and sends as well.
# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=bash

# That version, in $home/old.
old_tree ()
{
  local changed old
  changed=$(git -C "$root" log -1 --format=%H -G'mew-submit-module--interface "' -- lisp/mew-submit-loaddefs.el 2>/dev/null)
  old=$(git -C "$root" rev-parse -q --verify "${UPGRADE_FROM:-$changed^}" 2>/dev/null) || skip 'the history is not here'
  mkdir "$home/old"
  git -C "$root" archive "$old" | tar -C "$home/old" -xf - --exclude=test/mutants --exclude=test/cases
}

# asked FORM: the value of FORM in the Emacs that is open.
asked () { timeout 120 emacsclient -s "$home/server" --eval "$1" 2>>"$home/log"; }

stored () { find "$work/store" -name '*.eml' | wc -l; }
waiting () { find "$home" -path '*outbox*' -name '*.eml' | wc -l; }

# becomes WHAT NUMBER COMMAND...: wait until COMMAND prints NUMBER.
becomes ()
{
  local what=$1 number=$2 deadline=$((SECONDS + 300)); shift 2
  until [ "$("$@")" = "$number" ]; do
    [ $SECONDS -lt $deadline ] || fail "waited in vain for $what: $(asked '(with-current-buffer "*Messages*" (buffer-string))' | tail -c 600)"
    sleep 0.2
  done
}

# Accounts by who writes.
accounts ()
{
  printf "(progn (setq user-mail-address \"me@example.org\" message-interactive nil mew-submit-accounts
    '((:from \"later@example.org\" :server \"127.0.0.1\" :routes \"%s:starttls\" :ca-file \"%s\" :auth \"none\")
      (:server \"127.0.0.1\" :routes \"%s:starttls\" :ca-file \"%s\" :auth \"none\"))) (mew-submit-mode 1))" "$later_port" "$ca" "$port" "$ca"
}

# mails FROM SUBJECT: have a mail sent.
mails ()
{
  local said
  said=$(asked "(condition-case err
    (let ((user-mail-address \"$1\")) (message-mail \"a@x\" \"$2\") (message-goto-body) (insert \"It works.\n\") (message-send) (kill-buffer) t)
    (error (error-message-string err)))")
  [ "$said" = t ] || fail "the mail is not taken: $said"
}

# open_emacs FORM: the old version, as FORM makes it known, sends a mail and has another that waits.
open_emacs ()
{
  began_with=$(stored)
  # A native compilation that is late takes the new file and puts that in among the old: how fast this machine is would decide.
  env -u XDG_RUNTIME_DIR "$EMACS" -Q --fg-daemon="$home/server" --eval '(setq native-comp-deferred-compilation nil)' --eval "$1" >>"$home/log" 2>&1 &
  open=$!
  trap 'kill -KILL "$open" 2>/dev/null' EXIT
  becomes 'the server' t asked t
  asked "$(accounts)" >/dev/null
  asked "(progn (require 'mew-submit) (or (fboundp 'mew-submit--mod-interface) (cl-letf (((symbol-function 'y-or-n-p) #'always)) (mew-submit-build-module))) t)" >/dev/null
  mails me@example.org 'The first'
  becomes 'the first mail' $((began_with + 1)) stored
  becomes 'the end of it' 0 waiting
  mails later@example.org 'The one that waits'
  becomes 'the mail that waits' 1 waiting
}

# upgraded FORM: see that all goes on; a new Emacs knows the new version by FORM.
upgraded ()
{
  mails me@example.org 'After the upgrade'
  becomes 'the mail after the upgrade' $((began_with + 2)) stored
  becomes 'the end of it' 1 waiting
  # Two may not deliver at once: the one that was open ends first.
  asked '(kill-emacs)' >/dev/null
  wait "$open"
  before=$(stored)
  touch "$work/store/go"
  timeout 550 "$EMACS" -Q --batch --eval "$1" -l "$work/first-mail.el" --eval "(let ((noninteractive nil)) $(accounts))" -f install-next-mail >"$home/log.new" 2>&1 ||
    fail "the new version: $(grep -v '^Loading\|^make\|^  ' "$home/log.new" | tail -n 4 | tr '\n' ' ')"
  rm "$work/store/go"
  [ "$(stored)" -eq $((before + 2)) ] || fail "the new version has delivered $(($(stored) - before)) of 2"
  [ "$(waiting)" -eq 0 ] || fail 'a mail waits still'
  if grep -i 'refused\|warning\|cannot be read' "$home/log.new" >"$home/bad"; then fail "it says $(head -n 1 "$home/bad")"; fi
  printf '%s' $((SECONDS - began)) >"$work/seconds"
  cp "$home/log.new" "$home/log"
  shown >"$work/shown"
}

case_upgrade-make ()
{
  old_tree
  (cd "$home/old" && do_make install PREFIX="$home/prefix") >"$home/log" 2>&1 || fail "make install, the old version: $(tail -n 3 "$home/log")"
  open_emacs "(load \"$home/prefix/share/emacs/site-lisp/mew-submit/mew-submit-autoloads\")"
  source_tree
  (cd "$home/source" && do_make install PREFIX="$home/prefix") >>"$home/log" 2>&1 || fail "make install: $(tail -n 3 "$home/log")"
  rm -rf "$home/source" "$home/old"
  upgraded "(load \"$home/prefix/share/emacs/site-lisp/mew-submit/mew-submit-autoloads\")"
}

# The package has the old module in it still, when the version is called the same.
case_upgrade-tar ()
{
  old_tree
  (cd "$home/old" && make dist) >"$home/log" 2>&1 || fail 'make dist, the old version, fails'
  do_install 'package-install-file, the old version' "(package-install-file (car (file-expand-wildcards \"$home/old/mew-submit-*.tar\")))"
  open_emacs "$activate"
  source_tree
  (cd "$home/source" && make dist) >"$home/log" 2>&1 || fail 'make dist fails'
  do_install 'package-install-file' "(package-install-file (car (file-expand-wildcards \"$home/source/mew-submit-*.tar\")))"
  rm -rf "$home/source" "$home/old"
  upgraded "$activate"
}
