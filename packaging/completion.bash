# bash completion for mew-submit: commands, and the options that each of them names by --help.
# SPDX-License-Identifier: GPL-3.0-or-later

declare -A _mew_submit_options=()

_mew_submit ()
{
  local program=${COMP_WORDS[0]} word=${COMP_WORDS[COMP_CWORD]} command
  COMPREPLY=()
  case ${program##*/} in
    mew-submit-*) command= ;;
    *)
      if [ "$COMP_CWORD" -eq 1 ]; then
        mapfile -t COMPREPLY < <(compgen -W "--help --version $("$program" --help 2>/dev/null |
          sed -n 's/^  \([a-z][a-z]*\)  *.*/\1/p')" -- "$word")
        return
      fi
      command=${COMP_WORDS[1]} ;;
  esac
  case $word in
    -*)
      local key="$program $command"
      [ -n "${_mew_submit_options[$key]:-}" ] ||
        _mew_submit_options[$key]=$("$program" ${command:+"$command"} --help 2>/dev/null | sed -n 's/^  \(-[-a-z]*\).*/\1/p')
      mapfile -t COMPREPLY < <(compgen -W "${_mew_submit_options[$key]} --version" -- "$word") ;;
    *) mapfile -t COMPREPLY < <(compgen -f -- "$word") ;;
  esac
}

complete -o filenames -F _mew_submit mew-submit mew-submit-sendmail mew-submit-relay
