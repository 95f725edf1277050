;;; mew-submit-cause-meaning.el --- What each cause of a refusal means, and what to do -*- lexical-binding: t; -*-

;; Copyright (C) 2026 The mew-submit authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; One table, for people: a headline, what to do in one sentence, who can mend it, and
;; whether another attempt, password, port or server helps.

;;; Code:

(require 'mew-submit-caseless)
(defconst mew-submit-cause-meaning--table
  '((auth-wrong-password user after-change "The server does not accept this user name and \
password"
     "Check user name and password (the user name is often the whole address); if the \
provider hands out passwords for mail programs, make one and use that."
     once nil ())
    (auth-app-password-needed user after-change
     "The provider wants a password that is made for mail programs"
     "Make a password for mail programs (app password, authorisation code) on the security \
page of your account there, and enter that one here."
     app nil ())
    (auth-basic-disabled administrator after-change
     "Sending with a password is switched off for this account"
     "Sign in through the browser if the provider offers it; or have sending by mail \
programs (SMTP) switched on, in your account's settings there or by your administrator."
     nil nil (sign-in account))
    (auth-oauth-token-refused user after-change
     "The provider no longer takes the permission that the browser gave"
     "Sign in again in the browser and allow the sending of mail."
     nil changed (sign-in))
    (auth-too-many-tries user later
     "Too many log-ins: the account or this network is locked for a while"
     "Stop every program that logs in to this account, wait an hour, and check the stored \
password before the next try."
     nil 3600 (network))
    (auth-web-login-needed user after-change
     "The provider wants to see you in a browser first"
     "Open the provider's web mail, sign in, answer what it asks, then send again."
     nil nil ())
    (auth-password-expired user after-change
     "The password itself must be changed"
     "Change the password on the provider's web site, then enter the new one here."
     changed nil ())
    (auth-needs-tls user after-change
     "The server wants an encrypted connection first"
     "Set the account up again, which finds a port with encryption; it is 465 or 587 \
almost everywhere."
     nil changed (port))
    (auth-required user after-change
     "The server wants to know who you are before it takes mail"
     "Give the account a user name, and use port 587 or 465 instead of 25; setting the \
account up again does both."
     none changed (port))
    (auth-mechanism-unsupported user after-change
     "The server does not offer this way of logging in here"
     "Check the server's name and port; setting the account up again finds them."
     nil changed (port server))
    (auth-temporary-failure server later
     "The server cannot check passwords at the moment"
     "Wait; this says nothing about your password."
     nil 600 ())
    (account-suspended administrator after-change
     "Your account may not send at the moment"
     "Read the provider's mails to you, change your password, then ask the provider to \
let the account send again."
     nil nil (account))
    (sender-not-owned user after-change
     "Your account may not send from this address"
     "Send from the account's own address, or have this address added to the account at \
the provider."
     nil nil (account))
    (sender-domain-unauthenticated sender-domain after-change
     "The sender's domain does not vouch for mail sent this way"
     "Send through the mail server of your address's own provider; if it is that already, \
show these words to its administrator, who can mend it (SPF, DKIM or DMARC)."
     nil (4 3600) (account))
    (sender-domain-unknown sender-domain after-change
     "The server cannot find the domain of the sender's address"
     "Correct what stands after the @ of your own address; if it is right, wait an hour."
     nil (4 3600) ())
    (sender-verify-failed user after-change
     "The server asked for the sender's address, and nobody there knows it"
     "Correct your own address, or have the mailbox made at its provider."
     nil nil ())
    (sender-blocklisted recipient no
     "Mail from this sender is not wanted there"
     "Reach the recipient another way and ask to be let in; if a list is named, ask its \
owner to take your domain off."
     nil nil (account))
    (address-malformed user after-change
     "The server reads an address as wrongly written"
     "Correct the address: no blanks or brackets in it, and a name such as example.org \
after the @."
     nil nil ())
    (relay-denied user after-change
     "This server does not carry your mail to that recipient"
     "Use your own provider's mail server with your user name and password; if only one \
recipient is refused, check what stands after the @."
     none nil (port server account))
    (ip-blocklisted network other-server
     "The network you send from has a bad name there"
     "Send through your provider's mail server, or from another network; whoever owns \
this network must ask to be taken off the list."
     nil (4 3600) (server network))
    (ip-network-policy network other-server
     "The server takes no mail from a network like this one"
     "Send through your provider's mail server, or from another network."
     nil nil (server network family))
    (no-reverse-dns network other-server
     "The network you send from has not given this computer a proper name"
     "Send through your provider's mail server; whoever runs the network must enter the \
name (reverse DNS)."
     nil (4 3600) (server))
    (helo-refused user after-change
     "The server does not accept the name this computer gives"
     "Use port 587 or 465 of your provider, or give this computer a full name such as \
pc.example.org."
     nil changed (port))
    (greylisted server later
     "The server puts off mail from senders it does not know yet"
     "Wait some minutes; the second try is usually taken."
     nil 600 ())
    (rate-limited server later
     "Too much was sent in too short a time"
     "Wait a quarter of an hour, and then send fewer messages at once."
     nil 900 ())
    (quota-reached user later
     "The account has sent all that it may for now"
     "Wait until the next hour or day, or ask the provider for more."
     nil 3600 (account))
    (too-many-recipients user after-change
     "The message has more recipients than the server takes at once"
     "Split the list of recipients and send the message to one part after the other."
     nil changed ())
    (recipient-unknown recipient no
     "There is no such mailbox"
     "Check the spelling of the address, or ask the recipient for the right one."
     nil nil ())
    (recipient-mailbox-full recipient later
     "The recipient's mailbox is full"
     "Tell the recipient another way; it can only arrive when there is room."
     nil 14400 ())
    (recipient-disabled recipient no
     "The recipient's mailbox is closed"
     "Ask the recipient for another address."
     nil nil ())
    (recipient-domain-unknown recipient no
     "The domain of the recipient's address does not exist or takes no mail"
     "Check what stands after the @ of the recipient's address."
     nil (4 3600) ())
    (recipient-needs-permission recipient no
     "Only certain senders may write to this address"
     "Ask the owner of the list or mailbox to let you in, or write from an account they \
accept."
     nil nil (account))
    (recipient-temporarily-unavailable recipient later
     "The recipient's mailbox cannot take mail just now"
     "Wait; the mailbox may take it later."
     nil 1800 ())
    (recipient-host-unreachable network later
     "The server does not reach the recipient's mail server"
     "Wait; if it lasts, tell the recipient another way that their mail server does not \
answer."
     nil 7200 (account))
    (message-too-big content after-change
     "The message is too big"
     "Send less, make the attachments smaller, or send a link to them."
     nil nil (account))
    (attachment-blocked content after-change
     "This kind of attachment is not allowed"
     "Send another kind of file, or a link to it."
     nil nil ())
    (virus-found content after-change
     "The server believes that there is a virus in the message"
     "Check your computer and the attachment, and send the message without it."
     nil nil ())
    (spam-content content after-change
     "The server takes the text for spam"
     "Change subject and text, with fewer links; or reach the recipient another way."
     nil (4 3600) ())
    (url-blocked content after-change
     "A link in the message leads to a site that is blocked"
     "Remove the link, or put another one in its place."
     nil nil ())
    (header-malformed content after-change
     "A line at the top of the message is missing or wrong"
     "Correct From, To, Date or Subject, whichever the server names."
     nil nil ())
    (line-format content after-change
     "A line of the message is too long or ends in a wrong way"
     "Break the long lines of the message and send it again; if that does not help, \
report it to the makers of the program."
     nil changed ())
    (utf8-unsupported content after-change
     "The server takes only plain letters in addresses"
     "Write the address in plain letters (a to z), without accents or other scripts."
     nil changed (account))
    (server-full server later
     "The server has no room left"
     "Wait; tell the server's administrator if it lasts."
     nil 1800 (server))
    (server-busy server later
     "The server is too busy just now"
     "Wait some minutes until it has less to do."
     nil 600 (server))
    (server-internal-error server later
     "The server has a fault of its own"
     "Wait; tell the server's administrator if it lasts."
     nil (4 1800) (server))
    (connection-timeout network later
     "The connection was cut, or the server waited too long"
     "Wait some minutes; if big messages always fail, try another network."
     nil 300 (network))
    (mail-loop administrator no
     "The message runs in a circle"
     "Tell the recipient another way that the forwarding of their mail runs in a circle."
     nil nil ())
    (tls-unavailable server later
     "A server on the way cannot encrypt as it should"
     "Wait, and tell the administrator of the server that is named; do not send without \
encryption."
     nil 7200 (port))
    (protocol-error user no
     "This program and the server do not understand each other"
     "Try another port; if that does not help, report it to the makers of the program, \
with the server's words."
     nil changed (port))
    (policy-unspecified server no
     "The server refuses without a reason that names a remedy"
     "Read the server's words; ask whom they name, or reach the recipient another way."
     nil (4 1800) (account)))
  "All causes: (ID WHO AGAIN MEANING REMEDY PASSWORD RETRY ROUTES).
WHO can mend it: user, sender-domain, recipient, server, network, content or
administrator.  AGAIN, whether the same message may go out again: no, later,
after-change or other-server.  PASSWORD, whether to ask for one: nil, once, app
\(say which kind), changed (once it is), or none (only if none is stored).
RETRY by itself: nil, after so many seconds, (4 SECONDS) after a code 4yz only,
or changed (at once, with what the remedy says, where the program can do it).
ROUTES, what else may help: port, server, account, network, family, sign-in.")

(defconst mew-submit-cause-meaning--details
  '((auth-smtp-off-organisation auth-basic-disabled
     "SmtpClientAuthentication is disabled for the Tenant"
     "Your organisation has switched off sending by mail programs (SMTP)"
     "Ask its administrator to switch authenticated SMTP on for your mailbox.  Until then \
only web mail sends; to sign in again, or another password, does not help.")
    (auth-smtp-off-mailbox auth-basic-disabled
     "SmtpClientAuthentication is disabled for the Mailbox"
     "Sending by mail programs (SMTP) is switched off for your mailbox"
     "Switch authenticated SMTP on in the settings of your account there, or ask its \
administrator to.  Until then only web mail sends; to sign in again, or another password, \
does not help.")
    (auth-token-forbidden auth-basic-disabled token
     "Your sign-in is good, but this account may not send by a mail program"
     "Ask its administrator which rule forbids it: SMTP that is switched off, or where and \
with what one may sign in.  To sign in again does not help.")
    (auth-scram-impossible auth-wrong-password
     "scram not possible"
     "The server does not know this user, or has no password of theirs that SCRAM can use"
     "Check the user name (it is often the whole address).  If it is right, set the password \
anew there, or log in with :auth \"PLAIN\" (--auth PLAIN), which only leaves inside TLS.")
    (auth-password-transition auth-password-expired
     "password transition"
     "The server cannot check the password in this way before it has seen it once"
     "Log in with :auth \"PLAIN\" (--auth PLAIN) once, which only leaves inside TLS; then \
leave that out again.")
    (auth-tls-unseen auth-needs-tls tls
     "The server wants an encrypted connection, and does not see that this one is encrypted"
     "Use its other port (465 or 587), or tell its administrator: what ends TLS before the \
server does not tell it so.  Nothing has to be changed here.")
    (scanner-cannot-connect server-busy
     "\\`Cannot connect to SMTP server .*connect error [0-9]+"
     "A program on the way, such as an antivirus on this machine, answers for the server and \
does not reach it"
     "Switch the scanning of outgoing mail off in that program, or use another port or \
network; the server itself has said nothing."))
  "What more is known where a cause has several: (ID CAUSE WHEN MEANING REMEDY).
WHEN is a regexp for the reply, or `token' for any where a token was sent, or
`tls' for any that came inside verified TLS.  The first that fits counts; all it
does not say is as for CAUSE, but a sign-in is no help.")

(defun mew-submit-cause-meaning--detail-row (id)
  "Return the row of ID, a detail, or nil.
It is as those of `mew-submit-cause-meaning--table'."
  (pcase (assq id mew-submit-cause-meaning--details)
    (`(,_ ,cause ,_ ,meaning ,remedy)
     (pcase (assq cause mew-submit-cause-meaning--table)
       (`(,_ ,who ,again ,_ ,_ ,password ,retry ,routes)
        (list id who again meaning remedy password retry (remq 'sign-in routes)))))))

(defun mew-submit-cause-meaning--row (id)
  "Return the row of the cause ID, that of `policy-unspecified' for an unknown one."
  (or (assq id mew-submit-cause-meaning--table)
      (mew-submit-cause-meaning--detail-row id)
      (assq 'policy-unspecified mew-submit-cause-meaning--table)))

(defun mew-submit-cause-meaning--buttons (row)
  "Return the buttons that fit ROW of `mew-submit-cause-meaning--table', in order."
  (pcase-let ((`(,id ,_who ,again ,_ ,_ ,password ,_ ,routes) row))
    (append (pcase password
              ('app '(app-password password))
              ('changed '(app-password password))
              ((or 'once 'none) '(password)))
            (and (memq id '(auth-web-login-needed auth-smtp-off-organisation
                                                  auth-smtp-off-mailbox))
                 '(web-mail))
            (and (memq 'sign-in routes) '(sign-in))
            (and (memq 'port routes) '(port))
            (and (or (memq 'port routes) (memq 'server routes)) '(setup))
            (and (eq again 'later) '(later)))))

(defun mew-submit-cause-meaning--clause (words)
  "Return WORDS, a sentence, as part of another one."
  (concat (mew-submit-caseless--down (substring words 0 1)) (substring words 1)))

(defun mew-submit-cause-meaning--ids ()
  "Return the names of all causes."
  (mapcar #'car mew-submit-cause-meaning--table))

(defun mew-submit-cause-meaning--advice (id &optional code)
  "Return what to tell and to do about the cause ID after CODE, a plist.
`:meaning' is a headline and `:remedy' a sentence, both for people; `:password',
`:routes' and `:retry' are as in `mew-submit-cause-meaning--table', but `:retry'
is nil, `changed' or a number of seconds; `:buttons' are those that fit."
  (pcase-let* ((row (mew-submit-cause-meaning--row id))
               (`(,_ ,who ,again ,meaning ,remedy ,password ,retry ,routes) row))
    (list :who who :again again :meaning meaning :remedy remedy :password password
          :retry (pcase retry
                   (`(4 ,seconds) (and code (<= 400 code 499) seconds))
                   (_ retry))
          :routes routes :buttons (mew-submit-cause-meaning--buttons row))))

(provide 'mew-submit-cause-meaning)
;;; mew-submit-cause-meaning.el ends here
