# window.sh --- a real Emacs in a window, in place of the terminal of test/tty/library.sh.
#
# Sourced after that, by a program or in a case.  Emacs runs on an X server of its own (Xvfb), with xdotool as the user's
# hands; what is in a buffer is asked by emacsclient.  A key that is held by a slow machine is not repeated.
#
#   no_window                    print why there can be none, or fail
#   start_emacs, stop_emacs      as there
#   lisp FORM                    have FORM be evaluated
#   value FORM                   print its value
#   expect_lisp WHAT FORM        wait until FORM is t
# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=bash

children=()

no_window ()
{
  local missing how='run make deps, or install emacs-gtk, xvfb, xdotool, imagemagick'
  test/tool/gui-emacs >/dev/null || { echo "no Emacs with a window system is here: $how"; return 0; }
  missing=$(tty_first_missing Xvfb xdotool import convert emacsclient)
  [ -n "$missing" ] && echo "$missing is not installed: $how"
}

# start_emacs [ARGUMENT...]
start_emacs ()
{
  gui_emacs=$(test/tool/gui-emacs)
  exec {display_fd}>"$dir/display"  # X writes its number there
  Xvfb -displayfd "$display_fd" -screen 0 1000x720x24 -nolisten tcp -ac -noreset -r >"$dir/xvfb.log" 2>&1 &
  children=($!)
  expect_that 'the X server' test -s "$dir/display"
  DISPLAY=:$(cat "$dir/display")
  export DISPLAY
  init '(setq server-socket-dir (expand-file-name "server" user-emacs-directory))' \
       '(require (quote server)) (server-start)'
  # Whoever runs this has a desktop, perhaps: nothing of it is used.
  "${tty_clean[@]}" -u WAYLAND_DISPLAY HOME="$dir" LC_ALL=C.UTF-8 GDK_BACKEND=x11 NO_AT_BRIDGE=1 GSETTINGS_BACKEND=memory \
    DBUS_SESSION_BUS_ADDRESS=disabled: \
    "$gui_emacs" --no-site-file --no-splash -module-assertions -g 100x34+0+0 "$@" >"$dir/emacs.log" 2>&1 &
  children+=($!)
  (expect_that 'Emacs' true_p 't') || { tail -n 3 "$dir/emacs.log" "$dir/xvfb.log"; exit 1; }
}

# Emacs first: without its display it would take a while to die.  KILL, because TERM has it run Lisp in the midst of what
# it is doing, and that may wait for itself (Emacs 30, in a call of the X library).
stop_emacs ()
{
  local child
  for child in "${children[@]:1}"; do
    kill -KILL "$child"
    wait "$child"
  done 2>/dev/null
  for child in "${children[@]:0:1}"; do
    kill "$child"
    wait "$child"
  done 2>/dev/null
}

# value FORM: print its value.
value () { timeout 120 emacsclient -s "$dir/.emacs.d/server/server" -e "$1" 2>/dev/null; }
lisp () { value "$1" >/dev/null || fail "no answer to $1"; }
true_p () { [ "$(value "$1")" = t ]; }

# expect_lisp WHAT FORM: wait until FORM is t.
expect_lisp () { expect_that "$1" true_p "$2"; }
