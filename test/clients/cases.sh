# cases.sh --- the cases of test/clients/run: one client each.
#
# Sourced by run.  SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=bash

# server_down: the Submission port refuses; server_up: it does not any more.
server_down ()
{
  nft -f - <<'END'
table inet down {
  chain input {
    type filter hook input priority 0
    tcp dport 587 reject with tcp reset
  }
}
END
}

server_up ()
{
  nft delete table inet down 2>/dev/null || true
}

# A home directory for one case, with the password where Emacs keeps it.
new_home ()
{
  CLIENTS_HOME=$SMTP_WORK/home/$box
  rm -rf "$CLIENTS_HOME"
  mkdir -p "$CLIENTS_HOME"
  (umask 077; printf "machine %s login %s password '%s'\n" "$SMTP_HOST" "$SMTP_USER" "$SMTP_PASSWORD" \
     > "$CLIENTS_HOME/.authinfo")
}

# client FILE FUNCTION [ARGUMENT...]: run FUNCTION of FILE in a batch Emacs; what is wrong is its last word.
client ()
{
  local file=$1 function=$2
  shift 2
  (cd "$CLIENTS_HOME" && HOME=$CLIENTS_HOME LC_ALL=C.UTF-8 CLIENTS_BOX=$box \
     timeout 600 "$EMACS" --no-init-file --no-site-file --batch -l "$here/clients.el" -l "$here/$file.el" \
       --eval "(clients-main #'$function)" "$@" >"$out/client" 2>"$out/client-log" </dev/null)
  local status=$?
  case $status in
    0) return 0 ;;
    77) skip_case "$(tail -n 1 "$out/client")" ;;
    *)
      sed 's/^/# /' "$out/client-log" >&2
      fail "$(tail -n 1 "$out/client") (exit status $status)"
      ;;
  esac
}

# up_and_down FILE FUNCTION: the client sends while the server is up, and while it is down at first.
up_and_down ()
{
  new_home
  client "$1" "$2" || return
  find "$SMTP_MAILBOXES" -type f -delete
  new_home
  server_down || { fail "nft does not work"; return; }
  CLIENTS_DOWN=1 client "$1" "$2"
  local status=$?
  server_up
  return $status
}

# over_a_restart FILE FUNCTION: one Emacs sends while the server is down, and ends; another one delivers.
over_a_restart ()
{
  new_home
  server_down || { fail "nft does not work"; return; }
  CLIENTS_PHASE=first client "$1" "$2"
  local status=$?
  server_up
  [ $status = 0 ] || return $status
  CLIENTS_PHASE=second client "$1" "$2"
}

case_message_mode () { up_and_down message clients-message; }
case_message_mode_restart () { over_a_restart message clients-message; }
case_message_mode_pipe () { up_and_down message clients-message-pipe; }
case_message_mode_own_handler () { up_and_down message clients-message-handler; }
case_message_mode_smtp_method () { new_home; client message clients-message-method; }
case_message_mode_signed () { new_home; client message clients-message-signed; }
case_message_mode_edit_again () { new_home; server_down; CLIENTS_DOWN=1 client message clients-message-edit; }
case_message_resend () { new_home; client message clients-message-resend; }
case_smtpmail_queue () { new_home; client message clients-smtpmail-queue; }
case_smtpmail_queue_mail () { new_home; client message clients-smtpmail-queue-mail; }
case_mail_mode () { up_and_down mail clients-mail; }
case_mail_mode_restart () { over_a_restart mail clients-mail; }
case_rmail_reply () { up_and_down rmail clients-rmail-reply; }
case_rmail_reply_in_mail_mode () { up_and_down rmail clients-rmail-reply-mail-mode; }
case_rmail_resend () { new_home; client rmail clients-rmail-resend; }
case_gnus_reply () { up_and_down gnus clients-gnus-reply; }
case_gnus_reply_restart () { over_a_restart gnus clients-gnus-reply; }
case_mu4e () { up_and_down mu4e clients-mu4e; }
case_mu4e_restart () { over_a_restart mu4e clients-mu4e; }
case_notmuch () { up_and_down notmuch clients-notmuch; }
case_notmuch_files () { up_and_down notmuch clients-notmuch-files; }
case_mew () { up_and_down mew clients-mew; }
case_mew_restart () { over_a_restart mew clients-mew; }
case_mew_bcc () { new_home; client mew clients-mew-bcc; }
