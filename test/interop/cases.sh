# cases.sh --- what the batch client has to do with either server.
#
# Sourced by run, after test/real's suite.sh, which says what a case is.  The file of the server, which is sourced
# before and has cases of its own, sets
#   accepted                     see suite.sh
#   best_mechanism               what has to be chosen of what is offered
#   login_second_refused         options to log in where the second recipient, unknown@example.org, is refused
#   login_all_refused            the same, where all recipients are refused
#   size_limit                   the octets of the longest message that the server says it takes
# and the functions
#   collect_mail                 put what arrived into the mailboxes
#   expect_extensions            the last message came by BDAT, in one flight with its envelope, as 8-bit MIME with its
#                                size announced
#   expect_dsn                   the last message, to the mailbox $box, asked for reports of success and failure
# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=bash

# --- Helpers ----------------------------------------------------------------------------------------------

expect_arrived ()
{
  collect_mail || return
  expect_stored "$@"
}

expect_nothing_arrived ()
{
  collect_mail || return
  expect_nothing_stored
}

# delivery PORT FAMILY MECHANISM OPTION...: a message by way of PORT arrives; MECHANISM is none for no log-in.
delivery ()
{
  local port=$1 family=$2 mechanism=\"$3\"
  [ "$3" != none ] || mechanism=null
  shift 3
  message_mime > "$out/message"
  submit "$out/message" "$@" "$box@example.org"
  expect_delivered "$port" "$family" yes "$mechanism" && expect_arrived "$box" "$out/message"
}

# The message NAME arrives as it was sent.
message ()
{
  "message_$1" > "$out/message"
  submit "$out/message" "${login[@]}" "$box@example.org"
  expect_delivered 587 ipv6 yes "\"$best_mechanism\"" && expect_arrived "$box" "$out/message"
}

message_5mb ()
{
  header 5mb
  printf 'Content-Transfer-Encoding: base64\n\n'
  head -c 3900000 /dev/urandom | base64 -w 76
}

# --- Ports and families -----------------------------------------------------------------------------------

case_587-best-mechanism () { delivery 587 ipv6 "$best_mechanism" "${login[@]}"; }
case_587-ipv4 () { delivery 587 ipv4 "$best_mechanism" "${login[@]}" --family ipv4; }
case_465-best-mechanism () { delivery 465 ipv6 "$best_mechanism" "${login[@]}" --plan submissions; }
case_465-ipv4 () { delivery 465 ipv4 "$best_mechanism" "${login[@]}" --plan submissions --family ipv4; }

# --- Messages ---------------------------------------------------------------------------------------------

case_message-dots () { message dots; }
case_message-dots-everywhere () { message dots-everywhere; }
case_message-8bit () { message 8bit; }
case_message-no-final-newline () { message no-final-newline; }
case_message-line-ends-mixed () { message line-ends-mixed; }
case_message-5mb () { message 5mb; }

case_extensions ()
{
  message mime && expect_extensions 1
}

# The server has said how much it takes; it never sees a message that is longer.
case_message-over-the-limit ()
{
  { header too-long; echo; head -c $((size_limit * 3 / 4)) /dev/urandom | base64 -w 76; } > "$out/message"
  submit "$out/message" "${login[@]}" "$box@example.org"
  expect 69 refused || return
  # By the client's own reckoning: there is no code of the server's, and no recipient was even named.
  done_has '.port == 587 and .auth != null and .code == 0 and .reply == null and .recipients == []' || return
  expect_nothing_arrived
}

# --- Recipients -------------------------------------------------------------------------------------------

case_recipients-several ()
{
  message_mime > "$out/message"
  submit "$out/message" "${login[@]}" a@example.org b@example.org c@example.org
  expect_delivered 587 ipv6 yes "\"$best_mechanism\"" || return
  done_has '[.recipients[].address] == ["a@example.org", "b@example.org", "c@example.org"]' || return
  expect_arrived a "$out/message" && expect_arrived b "$out/message" && expect_arrived c "$out/message" \
    && expect_nothing_arrived
}

case_recipients-40-in-one-flight ()
{
  local recipients name
  recipients=(box-{101..140})
  message_mime > "$out/message"
  submit "$out/message" "${login[@]}" "${recipients[@]/%/@example.org}"
  expect_delivered 587 ipv6 yes "\"$best_mechanism\"" || return
  done_has '.recipients | length == 40' || return
  for name in "${recipients[@]}"
  do
    expect_arrived "$name" "$out/message" || return
  done
  expect_nothing_arrived && expect_extensions 40
}

case_recipients-one-refused ()
{
  message_mime > "$out/message"
  submit "$out/message" "${login_second_refused[@]}" a@example.org unknown@example.org c@example.org
  expect 69 partial || return
  done_has '[.recipients[] | [.address, .code]]
            == [["a@example.org", 250], ["unknown@example.org", 550], ["c@example.org", 250]]' || return
  done_has '.recipients[1].text | test("User unknown")' || return
  expect_arrived a "$out/message" && expect_arrived c "$out/message" && expect_nothing_arrived
}

case_recipients-all-refused ()
{
  message_mime > "$out/message"
  submit "$out/message" "${login_all_refused[@]}" unknown@example.org unknown-too@example.org
  expect 69 refused || return
  done_has '[.recipients[].code] == [550, 550]' && expect_nothing_arrived
}

case_dsn ()
{
  (cd "$MEW_SUBMIT_ROOT" && "$EMACS" -Q --batch -l mew-submit.el -f mew-submit-batch-send -- --help) > "$out/help" 2>&1
  grep -q -- --dsn-notify "$out/help" || skip_case "the batch client has no --dsn-notify" || return
  message_mime > "$out/message"
  submit "$out/message" "${login[@]}" --dsn-notify SUCCESS,FAILURE "$box@example.org"
  expect_delivered 587 ipv6 yes "\"$best_mechanism\"" && expect_arrived "$box" "$out/message" && expect_dsn
}

# --- Refused log-ins, certificates ------------------------------------------------------------------------

case_wrong-password-plain () { wrong_password PLAIN && expect_nothing_arrived; }
case_wrong-password-login () { wrong_password LOGIN && expect_nothing_arrived; }

# wrong_ca OPTION...: nothing is said to a server whose certificate nobody vouches for.
wrong_ca ()
{
  # shellcheck disable=SC2034  # read by submit
  local ca_file=$SMTP_OTHER_CA_FILE
  message_mime > "$out/message"
  submit "$out/message" "${login[@]}" "$@" a@example.org
  expect 77 insecure || return
  done_has '.attempts[0].case == "tls" and ([.attempts[].port] | unique | length) == 1 and .auth == null' || return
  expect_nothing_arrived
}

case_wrong-ca-587 () { wrong_ca; }
case_wrong-ca-465 () { wrong_ca --plan submissions; }

# A mechanism that was asked for and is not offered is not replaced by another.
case_mechanism-not-offered ()
{
  message_mime > "$out/message"
  submit "$out/message" "${login[@]}" --auth SCRAM-SHA-256-PLUS a@example.org
  [ "$status" = 77 ] || fail "exit status $status, not 77" || return
  done_has '.auth == null' && expect_nothing_arrived
}
