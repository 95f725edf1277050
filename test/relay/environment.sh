# environment.sh --- a relay beside the servers of test/real, and what the cases ask of it.
#
# Sourced by run.  SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=bash

relay_port=2587
relay_as=(env)  # what starts the relay, perhaps with another group
wait_seconds=${WAIT_SECONDS:-300}  # a machine may be slow

relay_prepare ()
{
  RELAY_OUTBOX=$SMTP_WORK/outbox
  RELAY_CONFIG=$SMTP_WORK/config.el
  RELAY_LOG=$SMTP_WORK/log/relay
  # Retries within the patience of a test, and how long Emacs was busy at a time since the file with that was removed.
  cat > "$RELAY_CONFIG" <<'END'
(setq mew-submit-retry-intervals '(1 1 2)
      mew-submit-connect-timeout 3)
(when (getenv "RELAY_KEEP")
  (setq mew-submit-keep-connection (string-to-number (getenv "RELAY_KEEP"))))
(defvar gap-last (float-time))
(defvar gap-most 0)
(when (getenv "RELAY_GAP")
  (run-at-time 0 0.02
               (lambda ()
                 (let* ((file (getenv "RELAY_GAP"))
                        (gap (- (float-time) gap-last))
                        (new (not (file-exists-p file))))
                   (when (or new (> gap gap-most))
                     (setq gap-most gap)
                     ;; Whoever reads the file meets a whole one.
                     (write-region (format "%d\n" (* 1000 gap)) nil (concat file ".new") nil 'silent)
                     (rename-file (concat file ".new") file t))
                   (setq gap-last (float-time))))))
END
  # Mail for sendmail's way: what `make install' puts into bin, for this tree.
  cat > "$SMTP_WORK/mew-submit-sendmail" <<END
#!/bin/sh
exec "$EMACS" -Q --batch -l "$MEW_SUBMIT_ROOT/mew-submit.el" -f mew-submit-batch-sendmail -- --config "$RELAY_CONFIG" "\$@"
END
  chmod 755 "$SMTP_WORK/mew-submit-sendmail"
  # The same log-in on port 25, for when 587 is blocked.
  postconf -c "$SMTP_WORK/postfix" -P 25/inet/smtpd_sasl_auth_enable=yes && postfix -c "$SMTP_WORK/postfix" reload
  export RELAY_OUTBOX RELAY_CONFIG RELAY_LOG XDG_RUNTIME_DIR=$SMTP_WORK/run
  mkdir -m 700 "$XDG_RUNTIME_DIR"
}

# How the relay, and mew-submit-sendmail, reach Postfix.
account=(--server "$SMTP_HOST" --ca-file "$SMTP_CA_FILE" --user "$SMTP_USER" --password-file "$SMTP_PASSWORD_FILE")

# relay_start OPTION...: start a relay and wait until it listens; its process is $relay_pid.
relay_start ()
{
  rm -rf "$RELAY_OUTBOX" "$RELAY_LOG"
  (cd "$MEW_SUBMIT_ROOT" && exec "${relay_as[@]}" "$EMACS" -Q --batch -l mew-submit.el -f mew-submit-batch-relay -- \
     --config "$RELAY_CONFIG" --outbox "$RELAY_OUTBOX" "$@") >/dev/null 2>"$RELAY_LOG" &
  relay_pid=$!
  wait_until grep -q 'The relay listens' "$RELAY_LOG" || fail "the relay does not start: $(tail -n 3 "$RELAY_LOG")"
}

relay_stop ()
{
  kill "$relay_pid" 2>/dev/null
  wait "$relay_pid"
}

# with_relay COMMAND...: run COMMAND beside a relay to Postfix.
with_relay ()
{
  relay_start "${account[@]}" || return
  "$@"
  local result=$?
  relay_stop
  return $result
}

# How many messages the outbox has.
queued ()
{
  find "$RELAY_OUTBOX" -maxdepth 1 -name '*.eml' 2>/dev/null | wc -l
}

queued_are ()
{
  [ "$(queued)" = "$1" ]
}

stored ()
{
  find "$SMTP_MAILBOXES/$1/new" -type f 2>/dev/null | wc -l
}

stored_are ()
{
  [ "$(stored "$1")" = "$2" ]
}

# MAILBOX holds COUNT messages, and soon after no more than that; nothing is left in the outbox.
expect_mails ()
{
  wait_until stored_are "$1" "$2" || fail "$(stored "$1") messages arrived, not $2" || return
  wait_until queued_are 0 || fail "$(queued) messages are still in the outbox"
}

needs ()
{
  local missing
  missing=$(first_missing_command "$@")
  [ -z "$missing" ] || skip_case "$missing is not installed: run make deps, or install it"
}

launcher=(env)  # where Thunderbird is started

# thunderbird_sends PASSWORD MAIL...: Thunderbird, which trusts the authority of $SMTP_HOST, sends each MAIL (thunderbird.py has
# its form); what becomes of it is a line in $out/client.
thunderbird_sends ()
{
  rm -rf "$out/thunderbird"
  "${launcher[@]}" python3 "$MEW_SUBMIT_ROOT/test/relay/thunderbird.py" "$out/thunderbird" "$SMTP_SENDER" "$box@example.org" "$SMTP_CA_FILE" "$@" \
    >"$out/client" 2>"$out/stderr" || fail "Thunderbird: $(tail -n 1 "$out/stderr")"
}

# expect_sent NUMBER PATTERN: that became of the mail.
expect_sent ()
{
  local found
  found=$(sed -n "$1p" "$out/client")
  # shellcheck disable=SC2053  # a pattern
  [[ $found == $2 ]] || fail "mail $1: $found, not $2"
}
