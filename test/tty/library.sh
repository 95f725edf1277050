# library.sh --- a real Emacs in a real terminal, a mail server for it, and what is on the screen.
#
# Sourced, at the top of the tree, by programs that print TAP lines: test/tty/run is an example.  A program sets
# suite_name, defines functions case_NAME, and calls
#
#   tty_main "$0" "$@"           run all cases of the file, or those whose names are given, and exit
#
# A case prints nothing and returns 0; or it fails: `expect' and its kin print the reason and the screen, and end it.
# What a case may use (it runs in a subshell, with its own directory $dir, which is the home of its Emacs):
#
#   start_peer ARGUMENT...       test/peer/peer; ports by `port NAME', its log in $dir/log, its store in $dir/store
#   port NAME                    print the port of the peer's listener NAME
#   stop_peer                    end it, so that another one can be started
#   init FORM...                 put Lisp into the user's init file; smtpmail's variables are yours to set
#   start_emacs [ARGUMENT...]    emacs -nw in a tmux of its own, 100 columns by 30 lines (ROWS, COLUMNS)
#   end_emacs [SIGNAL]           end it, so that another can be started; stop_emacs is for the end of a case
#   keys KEY...                  press keys, in tmux's words: M-x, C-c, Enter, Escape, a text
#   say TEXT                     type TEXT as it is
#   m_x NAME                     M-x NAME Enter
#   answer PROMPT TEXT           wait for PROMPT (a regexp), type TEXT, and press Enter when it is there
#   screen                       print what is on the screen
#   expect REGEXP                wait until a line of the screen matches REGEXP (grep -E)
#   expect_gone REGEXP           wait until no line does
#   expect_that WHAT COMMAND...  wait until COMMAND succeeds
#   fail WORDS                   fail now
#   count_ticks                  before start_emacs, for expect_free
#   expect_free                  wait until Emacs has dealt with a timer twenty times more, whatever goes on
#   watch_pauses                 before start_emacs, for expect_no_pause
#   expect_no_pause              fail if Emacs, since it started, has made 60,000 conses before it looked for a
#                                key: to load the largest library it makes 41,000, on every machine
#   press WORDS                  go to the questions that wait, and press the button of that answer
#   lisp FORM                    print the value of FORM in the running Emacs, which is asked by keys (M-:), so not
#                                while it waits for an answer
#   deliveries                   print how many messages the peer has stored
#   skip REASON                  end the case: it cannot be run here
#
# Every wait has a deadline, for a machine that is ten times slower than a slow one.  No key is pressed in the hope that
# somebody will be there to take it: what has to be on the screen for it is waited for.
# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=bash

tty_root=$PWD
tty_seconds=120
tty_at_once=4

# --- The end of a case --------------------------------------------------------------------------------------

# In the subshell of a case.  Its output is the reason.
fail ()
{
  printf '%s' "$*"
  if tty_alive; then printf ' -- the screen: %s' "$(screen | sed 's/  *$//;/^$/d' | tail -n 12 | tr '\n' '|')"; fi
  exit 1
}

skip () { printf '%s' "$*"; exit 77; }

# --- Waiting ------------------------------------------------------------------------------------------------

# expect_that WHAT COMMAND...
expect_that ()
{
  local what=$1 deadline=$((SECONDS + tty_seconds)); shift
  until "$@" >/dev/null 2>&1; do
    [ "$SECONDS" -lt "$deadline" ] || fail "waited in vain for $what"
    sleep 0.05
  done
}

# The status of grep must not be lost to a pipe that breaks.
screen_has () { grep -Eq -- "$1" <<<"$(screen)"; }
screen_lacks () { ! screen_has "$1"; }

expect () { expect_that "the screen to say $1" screen_has "$1"; }
expect_gone () { expect_that "the screen to say no longer $1" screen_lacks "$1"; }

# --- The mail server ----------------------------------------------------------------------------------------

# The server ends when its standard input does, so with the case; but tmux has a copy of that.
start_peer ()
{
  rm -f "$dir/ready"
  mkfifo "$dir/peer-input.$((tty_peers += 1))"
  "$tty_root/test/peer/peer" --certs "$dir/certs" --store "$dir/store" --log "$dir/log" --ready "$dir/ready" "$@" \
    <"$dir/peer-input.$tty_peers" >/dev/null 2>"$dir/peer-errors" &
  tty_peer_pid=$!
  exec {tty_peer_input}>"$dir/peer-input.$tty_peers"
  (expect_that 'the server to start' test -s "$dir/ready") || { cat "$dir/peer-errors"; exit 1; }
  ca=$(jq -r .ca "$dir/ready")
}

stop_peer ()
{
  if [ -n "$tty_peer_pid" ]; then kill "$tty_peer_pid" 2>/dev/null; wait "$tty_peer_pid" 2>/dev/null; fi
  tty_peer_pid=
}

port () { jq -r --arg name "$1" '.listeners[] | select(.name == $name) | .port' "$dir/ready"; }

deliveries () { find "$dir/store" -name '*.eml' 2>/dev/null | wc -l; }
delivered () { [ "$(deliveries)" -eq "$1" ]; }

# --- Emacs --------------------------------------------------------------------------------------------------

# What the user who runs this has set would lead Emacs away from the home of the case.
tty_clean=(env -u TMUX -u TMUX_PANE -u XDG_CONFIG_HOME -u XDG_DATA_HOME -u XDG_CACHE_HOME -u XDG_RUNTIME_DIR -u EMAIL)

tty_tmux () { tmux -S "$dir/tmux" "$@"; }
tty_alive () { [ -S "$dir/tmux" ] && tty_tmux has-session 2>/dev/null; }

init () { printf '%s\n' "$@" >>"$dir/.emacs.d/init.el"; }

# An init file that keeps this Emacs to its home and to loopback.
tty_first_init ()
{
  mkdir -p "$dir/.emacs.d"
  # Each case has a home of its own, for which Emacs would compile all anew, also what packages load before the init file.
  echo '(setq native-comp-deferred-compilation nil)' >"$dir/.emacs.d/early-init.el"
  cat >"$dir/.emacs.d/init.el" <<END
(setq inhibit-startup-screen t user-mail-address "me@example.org" user-full-name "Me"
      custom-file "$dir/.emacs.d/custom.el" auth-sources '("$dir/.authinfo")
      mail-host-address "example.org" message-directory "$dir/Mail/" make-backup-files nil)
(add-to-list 'load-path "$tty_root")
(require 'mew-submit)
(setq send-mail-function #'mew-submit-send-it message-send-mail-function #'mew-submit-send-it)
(defun tty-tell (form)
  (with-temp-file "$dir/told.new" (prin1 (condition-case err (eval form t) (error err)) (current-buffer)))
  (rename-file "$dir/told.new" "$dir/told" t))
;; Looking for a shorter name of a command takes Emacs seconds.
(setq suggest-key-bindings nil extended-command-suggest-shorter nil)
(add-hook 'emacs-startup-hook
          (lambda () (run-at-time 0 nil (lambda () (write-region "" nil "$dir/started" nil 'silent)))))
END
}

# count_ticks: have a timer that adds an octet to the file ticks whenever it runs.
count_ticks ()
{
  init "(run-at-time 0.02 0.02 (lambda () (let ((write-region-inhibit-fsync t)) (write-region \".\" nil \"$dir/ticks\" t 'silent))))"
}

ticks () { stat -c %s "$dir/ticks" 2>/dev/null || echo 0; }
ticked () { [ "$(ticks)" -ge "$1" ]; }
expect_free () { expect_that 'Emacs to be free' ticked $(($(ticks) + 20)); }

watch_pauses ()
{
  init '(defvar tty-most nil) (defvar tty-last nil)
(defun tty-tick () (let ((now (car (memory-use-counts)))) (when tty-last (push (- now tty-last) tty-most)) (setq tty-last now)))
(run-at-time 0.01 0.01 (function tty-tick))'
}

expect_no_pause ()
{
  [ "$(lisp '(< (apply (function max) tty-most) 60000)')" = t ] \
    || fail "it made $(lisp '(seq-take (sort (copy-sequence tty-most) (function >)) 5)') conses"
}

start_emacs ()
{
  rm -f "$dir/started"
  "${tty_clean[@]}" HOME="$dir" LC_ALL=C.UTF-8 TERM=screen-256color \
      tmux -S "$dir/tmux" -f /dev/null new-session -d -x "${COLUMNS:-100}" -y "${ROWS:-30}" \
      "${EMACS:-emacs}" -nw --no-site-file --no-splash -module-assertions "$@" 2>/dev/null || fail "tmux does not start"
  expect_that 'Emacs to have started' test -e "$dir/started"
  expect '^-U'
}

stop_emacs () { if tty_alive; then tty_tmux kill-server; fi; }

# end_emacs [SIGNAL]: stop it in the midst of a case.  Whoever comes while a server of tmux is going away goes with it.
end_emacs ()
{
  local tmux emacs pid
  read -r tmux emacs < <(tty_tmux list-panes -a -F '#{pid} #{pane_pid}')
  kill "-${1:-HUP}" "$emacs"
  for pid in "$emacs" "$tmux"; do expect_that "process $pid to have ended" tty_ended "$pid"; done
}
tty_ended () { [[ $(ps -o stat= -p "$1") = @(|Z*) ]]; }

screen () { tty_tmux capture-pane -p; }
keys () { tty_tmux send-keys "$@"; }
say () { tty_tmux send-keys -l -- "$1"; }

answer ()
{
  expect "$1"
  say "$2"
  expect "$1.*$2"
  keys Enter
}

m_x ()
{
  keys M-x
  expect '^M-x'
  say "$1"
  expect "^M-x $1"
  keys Enter
  expect_gone "^M-x $1"
}

lisp ()
{
  rm -f "$dir/told"
  keys M-:
  expect '^Eval:'
  say "(tty-tell '$1)"
  keys Enter
  expect_that "an answer to $1" test -e "$dir/told"
  cat "$dir/told"
}

# press WORDS: go to the questions, to the button WORDS, and press it.
press ()
{
  m_x mew-submit-answer
  expect_that 'the questions to be selected' at_buffer '\*mew-submit\*'
  keys C-s
  expect '^I-search'
  say "[$1]"
  expect "^I-search: \\[$1\\]"
  keys Enter
  expect_gone '^I-search'
  keys Left
  keys Enter
}

at_buffer () { lisp '(buffer-name (window-buffer (selected-window)))' | grep -q "$1"; }

# --- Running ------------------------------------------------------------------------------------------------

tty_first_missing ()
{
  local program
  for program; do
    command -v "$program" >/dev/null || { echo "$program"; return; }
  done
}

tty_case ()
(
  dir=$tty_work/$1
  mkdir -m 700 "$dir"
  tty_peers=0 tty_peer_input='' tty_peer_pid=''
  trap 'stop_emacs; stop_peer' EXIT
  trap 'exit 143' INT TERM HUP
  tty_first_init
  "case_$1"
)

# Say which cases are running, for the summary of test/tool/check if they never end.
tty_note_running () { [ -z "${RUNNING_FILE:-}" ] || find "$tty_work/running" -type f -printf '%f ' >"$RUNNING_FILE"; }

# Run the case NAME and print its line.
tty_one ()
{
  local name=$1 reason rc
  touch "$tty_work/running/$name"; tty_note_running
  tty_case "$name" >"$tty_work/$name.reason"; rc=$?
  rm -f "$tty_work/running/$name"; tty_note_running
  reason=$(tr '\n' ' ' <"$tty_work/$name.reason")
  case $rc in
    0) echo "ok - $suite_name: $name" ;;
    77) echo "ok - $suite_name: $name # SKIP $reason" ;;
    *) echo "not ok - $suite_name: $name: $reason"; touch "$tty_work/failed" ;;
  esac
}

# Every case has a process group of its own, which ends with us.
tty_end ()
{
  local job
  for job in $(jobs -rp); do kill -TERM -- "-$job" 2>/dev/null; done
  wait
  rm -rf "$tty_work"
}

tty_main ()
{
  local file=$1 name names missing; shift
  names=$(sed -n 's/^case_\([^ ]*\) ().*/\1/p' "$file")
  missing=$(tty_first_missing tmux jq mkfifo)
  if [ -n "$missing" ]; then echo "ok - $suite_name # SKIP $missing is not installed: run make deps, or install it"; exit 0; fi
  [ -x test/peer/peer ] || { echo "not ok - $suite_name: test/peer/peer is not built (make programs)"; exit 1; }
  tty_work=$(mktemp -d)
  mkdir "$tty_work/running"
  set -m
  trap tty_end EXIT
  trap 'exit 143' INT TERM HUP
  if [ $# -gt 0 ]; then names=$(printf '%s\n' "$@"); else echo "1..$(wc -l <<<"$names")"; fi
  # A case waits most of the time.
  for name in $names; do
    while [ "$(jobs -rp | wc -l)" -ge $tty_at_once ]; do wait -n; done
    tty_one "$name" &
  done
  wait
  ! [ -e "$tty_work/failed" ]
  exit
}
