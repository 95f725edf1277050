;;; mew-submit-cause-rule.el --- Which words and codes name which cause -*- lexical-binding: t; -*-

;; Copyright (C) 2026 The mew-submit authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; Tables: what providers say that nobody else does, rules for what all say, and what
;; makes one of them sure.  mew-submit-cause.el goes through them, in order.

;;; Code:

(defconst mew-submit-cause-rule--peculiarities
  '((attachment-blocked
     "b attach, blockedmessage, potential security issue, virus nameext, illegal attachment")
    (auth-app-password-needed
     "application specific password required, invalidsecondfactor")
    (auth-basic-disabled
     "did not meet the criteria to be authenticated, criterios para ser autentic*, smtp auth disabled, open smtp flag")
    (auth-too-many-tries
     "auth005")
    (auth-web-login-needed
     "please log in via your web browser, web login required, weblogin required,
please log in with your web browser, continue sending messages please sign in")
    (auth-wrong-password
     "badcredentials, username and password not accepted, scram not possible")
    (header-malformed
     "rfc 5322 section, json parsing error, blank from, c hd, c hi,
rfc message non compliant"
     "5.7.512" "5.1.20")
    (helo-refused
     "mi nhd"
     "5.7.506")
    (ip-blocklisted
     "ipcheck proofpoint com, banned sending ip, messages from ipaddr werent sent,
network is on our block list, rtr bl, con b1,
helo domain is listed in, tss09, hl rep, connection rejected by policy,
a problem occurred ask your postmaster"
     "5.7.511" "5.7.513" "5.7.507" "5.7.60?" "5.7.61?" "5.7.62?" "5.7.63?" "5.7.64?"
     "4.7.65?")
    (ip-network-policy
     "policy block list, spamhaus pbl, spamhaus org pbl, pbl spamhaus, on pbl"
     "5.7.510")
    (line-format
     "smtplf html")
    (mail-loop
     ""
     "5.4.14")
    (no-reverse-dns
     "dns nr"
     "x.7.25")
    (policy-unspecified
     "does not allow external forwarding"
     "5.7.520" "5.7.703")
    (quota-reached
     "submission quota exceeded, daily user sending limit exceeded, daily smtp relay limit,
refuse quota, rp qrc")
    (rate-limited
     "from ipaddr temporarily deferred, frequency limited, aup cxcnct, aup cxmxrt,
sender thread limit exceeded, tss04, too many invalid recipients,
dyn t1, dyn t2, hl icc, hl ifc, hl ifq, hl mep, mi dmc, mi cel, mi ccl, mi sfq,
rp cel, rp ccl, rp trc, rp drc, some messages from ipaddr werent sent,
excessive unknown recipients, excessive userid unknowns, trop de destinataires inconnus"
     "5.7.508" "x.7.28" "5.2.251" "5.2.253" "5.2.254" "5.2.255")
    (recipient-disabled
     "email account disabled, account that you tried to reach is disabled, my badrcptto"
     "5.7.505")
    (recipient-host-unreachable
     ""
     "x.4.312" "x.4.313" "x.4.314" "x.4.315" "x.4.316" "x.4.317")
    (recipient-mailbox-full
     "over quota temp, over quota perm, overquotatemp, out of storage space,
too many messages on the server, zuviele mails auf dem server,
shutoff quota exceeded, allowed message count")
    (recipient-needs-permission
     "resolver rst auth required, resolver rst not authorized,
resolver rst sender not authenticated*"
     "5.7.12" "5.7.12?" "x.7.133" "x.7.134" "x.7.135" "x.7.136")
    (recipient-temporarily-unavailable
     "recipient thread limit exceeded, receiving mail too quickly, receivingrate,
receiving mail at a rate, receiving rate*, receiving email too quickly,
receiving email at a rate"
     "5.2.121" "5.2.122")
    (recipient-unknown
     "recipnotfound, resolver adr recip not found, resolver adr ex recip not found"
     "5.7.504" "5.1.351")
    (relay-denied
     "tenant attribution, tenantattribution, tenant inbound attribution"
     "5.7.64" "5.7.367")
    (sender-blocklisted
     "mail from domain is listed in, mailfrom domain is listed in, ers customized block,
block send er, sender filter config*")
    (sender-domain-unknown
     "domain may not exist or dns check failed")
    (sender-domain-unauthenticated
     "unauthenticated email, unauthenticated sender, sender is unauthenticated,
purported responsible address"
     "5.7.509" "5.7.515" "x.7.20" "x.7.21" "x.7.22" "5.7.23" "5.7.24" "x.7.26" "x.7.32"
     "x.7.40")
    (sender-not-owned
     "relaying disallowed as, not logged in as owner, dt sum,
email address is not verified, send as denied, permissions to send as this sender,
unregistered domains, unconfigured sending domain"
     "5.7.60" "5.2.252" "5.7.750")
    (spam-content
     "dt spm, message filtered refer, unsolicited message*,
returned message detected as spam"
     "5.7.350")
    (tls-unavailable
     "starttls not supported, tlsa invalid"
     "x.7.32?")
    (account-suspended
     "outbound spam exception, bad outbound sender, banned sender, user action verdict,
email outgoing blocked, unusual sending activity, sending paused, sandbox subdomains"
     "5.7.501" "5.7.502" "5.7.503" "5.7.705" "5.7.708")
    (auth-password-expired
     ""
     "4.7.12")
    (url-blocked
     "b url, hvu b1"))
  "Peculiarities of providers: (CAUSE WORDS CODE...); the first row wins.
WORDS are as in `mew-submit-cause-word--notion-rows'.  A CODE is an enhanced
code, in which \"x\" stands for any class and \"?\" for any digit.")

;; A rule is (CAUSE SURE TERM...); the first whose terms all hold names the cause.  A
;; term is a notion, a step (:auth), a code (535), the first digit of one (4), an
;; enhanced code ("x.2.2"), (or TERM...), or (not TERM...): none of them.
(defconst mew-submit-cause-rule--table
  '(;; Log-in: whatever is said here is about credentials.
    (auth-basic-disabled nil :auth token password (or unsupported disabled) (not token-mech))
    (auth-temporary-failure nil :auth 454 unsupported (not tls))
    (auth-mechanism-unsupported nil :auth unsupported (not basic smtp))
    (auth-needs-tls t :auth tls required (not denied))
    (auth-mechanism-unsupported nil :auth (or 500 502 503 504) (not protocol token))
    (auth-temporary-failure nil :auth 4 internal (not loginlimit toomany))
    (auth-wrong-password nil :auth 4 (or password username credential) (or invalid "x.7.8")
     (not busy authdown loginlimit toomany temporary))
    (auth-temporary-failure nil :auth (or busy authdown)
     (not loginlimit toomany password rate smtp))
    (auth-basic-disabled nil :auth smtp (or disabled unsupported)
     (not loginlimit temporary token 525))
    (auth-basic-disabled nil :auth smtp (or not denied notallowed unsupported)
     (not loginlimit temporary password username credential apppassword tls token internal web
          weak expired invalid))
    (account-suspended nil :auth user frozen (not loginlimit quota))
    (ip-network-policy nil ipdenied)
    (ip-network-policy nil :auth (or ip dynamic) (or denied notallowed)
     (not list reputation loginlimit toomany temporary frozen))
    (auth-app-password-needed t :auth apppassword)
    (auth-oauth-token-refused nil :auth 334)
    (auth-oauth-token-refused nil :auth token (or invalid expired denied))
    ;; Whatever it may be is listed: what helps there is a password for programs.
    (auth-app-password-needed nil :auth loginlimit busy password user invalid)
    (auth-too-many-tries t :auth loginlimit)
    (auth-too-many-tries nil :auth toomany)
    (quota-reached nil :auth (or quota limit) (or quota message period) (not rate))
    (auth-too-many-tries nil :auth (or rate limit))
    (auth-too-many-tries nil :auth temporary disabled)
    (auth-basic-disabled nil :auth only web app)
    (auth-basic-disabled nil :auth web enable (or smtp basic))
    (auth-wrong-password nil :auth 535 password invalid web)
    (auth-web-login-needed t :auth web)
    (auth-password-expired t :auth password (or expired weak))
    (auth-password-expired nil :auth weak (not mechanism))
    (auth-web-login-needed nil :auth website (or required temporary))
    (auth-app-password-needed nil :auth secondfactor)
    (auth-app-password-needed nil :auth password app required (not invalid unknown))
    (auth-basic-disabled nil :auth enable (or smtp app basic) (not password username credential))
    (auth-needs-tls nil :auth tls (or required (not token mechanism)))
    (auth-basic-disabled t :auth basic (or disabled denied not))
    (auth-mechanism-unsupported nil :auth mechanism (not 535))
    (auth-basic-disabled nil :auth 5 basic (or disabled denied not invalid) (not password))
    (auth-oauth-token-refused nil :auth token-mech 5)
    (auth-mechanism-unsupported nil :auth mechanism invalid)
    (auth-basic-disabled nil :auth 5 user notallowed (not 535))
    (auth-wrong-password nil :auth 535 password username invalid denied (not temporary))
    (account-suspended nil :auth (or user mailbox) (or disabled frozen denied)
     (not temporary username))
    (account-suspended nil :auth frozen)
    (account-suspended nil :auth sender (or denied disabled))
    (account-suspended nil :auth disabled credential (not temporary basic))
    (auth-basic-disabled nil :auth (or auth smtp app) disabled (not 501))
    (auth-basic-disabled nil :auth auth denied notallowed)
    (ip-blocklisted nil :auth (or list reputation))
    (protocol-error nil :auth 503 protocol)
    (auth-needs-tls nil :auth (or 538 "x.7.11"))
    (account-suspended nil :auth (or 525 "x.7.13"))
    (auth-mechanism-unsupported nil :auth (or 500 502 503 504))
    (auth-temporary-failure nil :auth 4 (or temporary internal busy timeout))
    (auth-temporary-failure nil :auth 5 internal (not password username credential nouser))
    (auth-wrong-password nil :auth 501 (or credential password) invalid)
    (protocol-error nil :auth 501)
    (auth-wrong-password nil :auth 530 invalid (or password credential))
    (auth-required nil :auth 530)
    (auth-wrong-password nil :auth 535 (or auth username password credential)
     (or invalid denied unknown not) temporary (not internal))
    (auth-wrong-password t :auth 535 (or username password credential)
     (or invalid unknown) (not denied internal temporary ip))
    (auth-wrong-password nil :auth 535 (or auth username password credential)
     (or invalid denied unknown not) (not internal temporary))
    (auth-wrong-password nil :auth 5 (or credential password) invalid)
    (auth-basic-disabled nil :auth basic)
    (account-suspended nil :auth (or user mailbox) unavailable)
    ;; What the code says by itself (RFC 4954).
    (auth-web-login-needed nil :auth 534 "5.7.14")
    (auth-mechanism-unsupported nil :auth only (not 535 password user sender address ip smtp))
    (auth-mechanism-unsupported nil :auth 534 (not password username user))
    (auth-wrong-password nil :auth 5 (or invalid nouser unknown auth user username))

    ;; Encryption and log-in asked for elsewhere.
    (rate-limited nil toomany (or connection tls) (or :starttls :greeting))
    (auth-required t 530 auth (not tls))
    (auth-required nil notlogged (not 535 334))
    (auth-too-many-tries nil loginlimit (not :auth :dot :data recipient))
    (rate-limited nil loginlimit recipient)
    (auth-needs-tls t 530 tls)
    (auth-needs-tls nil 538 tls)
    ;; Not the connection is encrypted, but what is sent over it.
    (attachment-blocked nil (or :dot :data) tls attachment (not certificate))
    (policy-unspecified nil (or :dot :data) tls message (or denied notallowed)
     (not required certificate))
    (policy-unspecified nil 523 (or :dot :data) message)
    (tls-unavailable nil tls (or unsupported busy) 4)
    (auth-needs-tls nil (or :greeting :mail :rcpt :ehlo :any :data :dot) tls required
     (not certificate spf internal dynamic protocol unreachable))
    (protocol-error nil :starttls (or protocol 503))
    (auth-needs-tls nil (or :mail :rcpt :ehlo) tls denied
     (not certificate spf internal protocol unreachable helo))
    (tls-unavailable nil :starttls (or tls 454 certificate internal invalid) (not 503))
    (tls-unavailable nil :any tls invalid (not password))
    (tls-unavailable nil certificate 4)
    (tls-unavailable nil tls (or certificate not unreachable) (not helo))
    (tls-unavailable nil certificate (or :any :dot :rcpt :mail)
     (or invalid unknown expired tls) (not relay norelay))

    ;; The message.
    (mail-loop t loop)
    (mail-loop nil "x.4.6" header)
    (spam-content t msgspam spam (not virus url attachment reputation ip list sending))
    (spam-content nil msgspam spam message :dot (not virus url attachment reputation list sending))
    (recipient-unknown t :rcpt "5.4.1" rcptmark (not relay norelay))
    (sender-domain-unauthenticated nil spoof (not ptr helo))
    (header-malformed t header (or field invalid) (or not invalid toomany unknown syntax)
     (or :dot :data) (not list url utf8 spf owned))
    (header-malformed nil header invalid (or :dot :data) (not list url utf8))
    (header-malformed nil field invalid utf8 :dot)
    (spam-content nil spam allowedsender :dot)
    (sender-not-owned nil sender verified :dot (not spf))
    (utf8-unsupported nil utf8 :dot 5)
    (sender-not-owned nil :dot header owned)
    (header-malformed nil header :dot 5 (not url list spam virus size spf denied))
    (header-malformed nil rfc (or not denied invalid rfc) (or :dot :data) (not line))
    (header-malformed nil header size)
    (header-malformed nil message syntax :dot (not line address))
    (line-format t line (not header quota))
    (url-blocked nil url virus (not attachment))
    (virus-found t virus (not temporary internal busy))
    (virus-found nil virus 5 (not temporary))
    (url-blocked nil url reputation (or :dot :data))
    (url-blocked t url (or list denied spam) (or content message spam list)
     (or :dot :data :any) (not sender))
    (url-blocked nil url (or list denied spam filter policy) :dot (not sender ip))
    (attachment-blocked nil banned :dot (not ip list sender))
    (attachment-blocked t attachment (or denied invalid not content) (not size))
    (sender-not-owned nil sender same (or credential username) (not recipient))
    ;; It could not be found out for now.
    (server-internal-error nil spf 4 (or temporary internal busy) (not denied list))
    (sender-domain-unauthenticated t spf (not user password))
    (sender-domain-unauthenticated nil spf)
    (utf8-unsupported t utf8)
    (utf8-unsupported nil "x.6.1" unsupported (not attachment))
    (utf8-unsupported t (or "x.6.7" "x.6.8" "x.6.9" "x.6.10") (not domain nodomain))

    ;; Names, addresses and lists.
    (auth-required nil (or norelay relay notlocal) auth required (not list invalid))
    (auth-basic-disabled nil :mail (or basic smtp) disabled)
    (auth-basic-disabled nil :mail basic not)
    (auth-basic-disabled nil (or :mail :rcpt) smtp (or user mailbox) (or disabled not)
     (not auth recipient sender address relay norelay unknown nouser))
    (ip-blocklisted nil reputation ip (not ptr spf domain sender))
    (server-internal-error nil :dot 4 (or norelay relay) (or temporary invalid) (not busy))
    (relay-denied t norelay (not ip))
    (relay-denied nil norelay)
    (no-reverse-dns nil :rcpt nodomain server (or "x.7.0" "x.7.1")
     (not domain recipient sender helo))
    (no-reverse-dns t ptr (not helo spf))
    (sender-not-owned nil :mail sender notlocal (not recipient))
    (relay-denied nil notlocal (not unknown perhapsnouser verify))
    (protocol-error nil :ehlo helo (or 500 502) (not nodomain domain))
    (helo-refused t helo (or invalid denied nodomain syntax unknown not spam)
     (not :dot :data protocol 503))
    (helo-refused nil :ehlo helo (or 550 554) denied (not tls list))
    (helo-refused nil :ehlo (or 501 504 550) (or invalid syntax) (not ip list ptr tls))
    (helo-refused nil :ehlo helo (not tls ip list 421 503 protocol))
    (helo-refused nil helo syntax (or :data :dot))
    (helo-refused nil helo spoof)
    (protocol-error nil helo protocol (not verify))
    (greylisted t greylist)
    (ip-network-policy nil dynamic (or ip denied not server limit notallowed) (not size ptr rate))
    (ip-network-policy nil dynamic (or relay allowedsender :greeting :any))
    (quota-reached nil quota frozen)
    (account-suspended nil weak (or :mail :rcpt :data :dot)
     (or password user ownaccount sending denied) (not tls ip unreachable))
    (account-suspended nil frozen sending)
    (account-suspended nil frozen (or user domain sending) (or :mail :data :dot :auth)
     (not ip spam list owned))
    (recipient-needs-permission nil (or :rcpt :dot) only (or sender internal allowedsender)
     (not relay norelay spam helo))
    (recipient-needs-permission nil (or :rcpt :dot) group (or allowedsender notallowed owned)
     (not ip spam helo))
    (recipient-needs-permission nil policy user domain :dot)
    (sender-not-owned nil :mail sender (or user username credential auth) not
     (not recipient unknown disabled required full))
    (auth-required t :mail auth required (not invalid list denied sender owned))
    (auth-required nil (or :mail :rcpt) password required (not invalid))
    (auth-required nil (or :mail :rcpt :data :any) auth required
     (not invalid list same denied sender not user))
    (auth-required nil (or :mail :rcpt :data :any) (or auth username) (or required not)
     (not invalid list same owned))
    (auth-required nil (or :mail :rcpt :data :any) auth (not invalid owned))
    (sender-not-owned nil :mail auth address invalid)
    (sender-not-owned t sender owned (not recipient nouser syntax))
    (sender-not-owned nil sender same (not recipient spf ip))
    (sender-domain-unauthenticated nil sender same ip)
    (server-internal-error nil :rcpt 4 owned internal (not sender))
    (recipient-unknown nil :rcpt owned user 5
     (not sender domain auth username frozen notallowed denied))
    (sender-not-owned nil owned (not recipient nouser syntax header :greeting :ehlo))
    (recipient-host-unreachable nil verify recipient unreachable (not sender))
    (recipient-mailbox-full nil verify recipient full)
    (recipient-temporarily-unavailable nil :rcpt 4 verify recipient (not sender))
    (sender-verify-failed nil verify)
    (ip-blocklisted nil toomany spam :greeting (or ip 5))
    (rate-limited nil toomany (or ip :greeting :mail) spam (not content complaints list))
    (rate-limited nil toomany ip 4 (not list))
    (attachment-blocked nil list attachment :dot (not ip sender server))
    (recipient-unknown nil :rcpt nodomain list user 5)
    (ip-blocklisted t list (or ip server))
    (sender-blocklisted nil list user (or :mail :rcpt) (not auth recipient))
    (sender-blocklisted nil blockedyou (not :greeting))
    (spam-content nil list spam content :dot (not ip sender url server domain))
    (sender-blocklisted nil list (or sender header))
    (ip-network-policy nil list dynamic (not ip server sender))
    (sender-blocklisted nil list address (not ip server))
    (sender-blocklisted nil list domain (not ip))
    (ip-blocklisted nil list)
    (sender-blocklisted nil reputation sender (not ip server :greeting))
    (ip-blocklisted nil reputation (not domain))
    (sender-blocklisted nil reputation)

    ;; How much, how often.
    (message-too-big nil (or "5.3.4" "5.2.3") (or :dot :mail)
     (not header storage line spam virus attachment quota content size))
    (recipient-host-unreachable nil (or "4.4.1" "4.4.3" "5.4.7") (or :rcpt :dot)
     (not nodomain internal timeout full quota norelay nouser virus spam loop greylist))
    (recipient-temporarily-unavailable nil "4.2.1" rate)
    (quota-reached t sending period (or limit quota toomany))
    (recipient-mailbox-full t mailbox (or quota full) (or limit full) :rcpt
     (not sending period))
    (recipient-mailbox-full nil mailbox (or quota limit full) :rcpt
     (not sending period toomany))
    (rate-limited nil toomany recipient invalid ip)
    (rate-limited nil manyrcpt ip 4)
    (rate-limited nil manyrcpt period temporary)
    (quota-reached nil manyrcpt period)
    (quota-reached nil period limit recipient 5 (not user domain rcptmark))
    (quota-reached nil manyrcpt domain notallowed)
    (too-many-recipients t manyrcpt (not period ip size))
    (too-many-recipients nil (or toomany limit) recipient
     (not period invalid ip unknown temporary size rate full mailbox quota storage "x.2.2"))
    (too-many-recipients nil "x.5.3" (not period busy))
    (quota-reached nil period limit recipient "x.7.1")
    (recipient-temporarily-unavailable nil recipient rate 4 (not ip sending))
    (recipient-temporarily-unavailable nil recipient (or quota rate limit) period)
    (recipient-mailbox-full nil quota "x.2.2" (not sending))
    (recipient-temporarily-unavailable nil :rcpt recipient quota
     (not mailbox full sender sending))
    (rate-limited nil toomany period temporary)
    (quota-reached t (or sending quota toomany limit) period (or limit toomany quota))
    (quota-reached nil sending period (or only full))
    (quota-reached t sending quota)
    (recipient-mailbox-full nil mailbox size "x.2.2")
    (message-too-big t size (not mailbox user recipient :rcpt toomany))
    (message-too-big nil size)
    (server-full nil full "x.3.1" (not mailbox user recipient))
    (recipient-mailbox-full t full (or mailbox user recipient) (not sending))
    (recipient-mailbox-full t full "x.2.2" (not sending))
    (recipient-mailbox-full t full :rcpt 5 (not storage sending quota))
    (recipient-mailbox-full t "x.2.2" (not sending nouser))
    (quota-reached nil :rcpt policy quota)
    (recipient-mailbox-full nil full (not storage sending))
    (rate-limited nil toomany connection)
    (rate-limited nil limit connection (not timeout))
    (quota-reached nil sending limit 5 (not size recipient rcptmark rate))
    (rate-limited nil sending limit 4 (not size recipient rcptmark))
    (rate-limited t rate 4 spam)
    (ip-blocklisted nil ip spam)
    (rate-limited nil rate (or limit toomany temporary connection message ip busy))
    (account-suspended nil ownaccount (or disabled denied) 5
     (not nouser perhapsnouser full temporary))
    (sender-blocklisted nil complaints toomany (not ip))
    (rate-limited nil toomany ip)
    (spam-content nil spam content :dot (not ip))
    (rate-limited nil toomany (or message recipient protocol sending :greeting))
    (recipient-mailbox-full nil quota (or mailbox user recipient))
    (recipient-mailbox-full nil :rcpt 5 quota (not sender sending period policy domain))
    (server-full nil :mail 4 storage quota (not user mailbox))
    (quota-reached nil quota)
    (recipient-mailbox-full nil :rcpt 552 storage (not server))
    (recipient-mailbox-full nil storage (or recipient mailbox user) (not sender sending))
    (server-full t storage (or 452 "x.3.1") (not spf))
    (server-full nil storage (not spf))

    ;; The recipient.
    (rate-limited nil toomany unknown (or user recipient))
    (recipient-disabled nil nouser user disabled)
    (recipient-disabled nil perhapsnouser address disabled)
    (sender-verify-failed nil :mail nouser)
    (recipient-unknown nil nouser 4 (not sender verify))
    (recipient-temporarily-unavailable nil unverified 4 (not sender))
    (recipient-unknown nil unverified :rcpt 5)
    ;; The code says what it is that does not exist.
    (recipient-domain-unknown nil nouser "x.1.2" (not user mailbox recipient sender address))
    (recipient-domain-unknown nil nouser domain (or unknown nodomain "x.1.2")
     (not user mailbox sender))
    (address-malformed nil nouser 501 :rcpt address (not unknown))
    (recipient-unknown t nouser 5 (not sender temporary verify 501))
    (recipient-unknown nil nouser (not sender temporary verify))
    (recipient-disabled nil perhapsnouser user disabled)
    (recipient-temporarily-unavailable nil perhapsnouser 4)
    (recipient-unknown nil perhapsnouser (not sender temporary verify policy syntax nodomain))
    (sender-domain-unknown t nodomain sender)
    (address-malformed nil :mail syntax address nodomain)
    (sender-domain-unknown nil nodomain :mail)
    (recipient-domain-unknown nil domain "x.1.2" (or :rcpt :dot) (not user mailbox relay norelay))
    (recipient-domain-unknown nil :rcpt nodomain "5.4.4")
    (recipient-host-unreachable nil nodomain unreachable (not "x.1.2"))
    (recipient-domain-unknown nil nodomain (not internal helo))
    (recipient-domain-unknown nil "x.4.4" domain)
    (recipient-domain-unknown nil domain unknown (or :rcpt :dot)
     (not user sender mailbox address))
    (recipient-temporarily-unavailable nil :rcpt 4 disabled (or temporary domain))
    (account-suspended nil ownaccount (or disabled denied) (not nouser perhapsnouser full))
    (account-suspended nil spam user disabled)
    (recipient-disabled nil :rcpt (or user mailbox recipient) disabled
     (not unknown temporary busy sender))
    (sender-not-owned nil :mail sending domain notallowed (not frozen))
    (account-suspended nil sending denied (or :mail :dot :data)
     (not ip recipient address list rate limit quota policy))
    (account-suspended nil (or user domain sending) disabled (or :mail :data :dot)
     (not recipient))
    (account-suspended nil mailbox disabled :mail)
    (account-suspended nil user denied :mail (not sender address recipient ip))
    (account-suspended nil sending (or disabled frozen))
    (account-suspended nil sending notallowed username)
    (account-suspended nil frozen (or user sender))
    (recipient-disabled nil (or user mailbox recipient address) disabled
     (not temporary unknown busy))
    (recipient-disabled nil :rcpt recipient user denied)
    (address-malformed nil "x.1.3" (or invalid unknown rfc))
    (address-malformed nil 501 :rcpt (or address recipient)
     (not protocol nouser perhapsnouser))
    (address-malformed nil (or :mail :rcpt) address rfc)
    (recipient-unknown nil :rcpt unknown internal 5 (not sender))
    (recipient-unknown t (or :rcpt :dot :any)
     (or user mailbox recipient rcptmark) unknown 5 (not sender domain))
    (recipient-disabled nil rcptmark frozen (not sender user sending policy))
    ;; A domain that has no mail at all (RFC 7504).
    (recipient-domain-unknown nil (or :rcpt :dot :any) (or 521 556) domain
     (not sender denied notallowed policy ip list))
    (recipient-needs-permission nil rcptmark allowedsender)
    (recipient-needs-permission t allowedsender (or :rcpt :dot :any :data) (not relay ip))
    (ip-blocklisted nil allowedsender ip (not relay recipient))
    (recipient-needs-permission nil allowedsender (or :rcpt :dot :any :data) (not relay))
    (quota-reached nil relay limit (not denied not unknown))
    (relay-denied t relay (or denied not unknown) (not temporary busy sender))
    (relay-denied nil relay (not temporary busy))
    (ip-network-policy nil :greeting mailserver)
    (relay-denied nil mailserver)

    ;; The server and the way.
    (sender-blocklisted nil complaints recipient)
    (spam-content nil complaints message :dot 5 (not sender ip server url sending))
    (server-busy nil :dot 4 spam busy temporary (not message content ip))
    (spam-content t spam :dot (not ip sender domain server recipient))
    (spam-content nil spam :dot (not ip))
    (ip-blocklisted nil spam :greeting)
    (sender-blocklisted nil spam sender :mail)
    (sender-blocklisted nil spam (or :mail :rcpt) (not ip message))
    (spam-content nil spam)
    (server-internal-error nil internal :mail)
    (recipient-temporarily-unavailable nil 4 unreachable mailbox)
    (ip-blocklisted nil :greeting ip filter)
    (server-busy nil busy 421 (not recipient mailbox timeout protocol))
    ;; At the greeting nobody is named but who connects.
    (no-reverse-dns nil :greeting nodomain (not sender recipient))
    (no-reverse-dns nil :greeting dns (not busy))
    (connection-timeout nil "x.4.2" timeout (not internal))
    ;; It was not we for whom the server waited.
    (recipient-host-unreachable nil :rcpt timeout dns)
    (recipient-host-unreachable nil timeout "x.4.7")
    (recipient-host-unreachable nil timeout "4.4.1" :dot (not 421))
    (server-internal-error nil unreachable internal 4 :dot (not recipient server domain))
    (server-internal-error nil timeout (or internal dns) 4 (not 421))
    (recipient-host-unreachable nil unreachable (not ip))
    (recipient-temporarily-unavailable nil :rcpt 4 timeout user (not unreachable))
    (connection-timeout t timeout
     (or :greeting :ehlo :mail :data :dot :any :rcpt :starttls) (not unreachable))
    (recipient-unknown nil "x.1.1" :rcpt (or syntax invalid unknown) (not sender temporary))
    (sender-domain-unknown nil "x.1.8" sender (or invalid unknown) (not syntax))
    (address-malformed nil syntax (or address sender recipient domain user :mail :rcpt)
     (not header protocol))
    (header-malformed t (or header field) (or syntax invalid toomany)
     (or :dot :data :any) (not sender denied))
    (header-malformed nil (or header field) (or syntax not invalid denied toomany unknown)
     (or :dot :data :any) (not sender))
    (address-malformed nil (or "x.1.3" "x.1.7"))
    (recipient-temporarily-unavailable nil :rcpt internal temporary recipient mailbox)
    (address-malformed nil :rcpt 553 mailbox (or invalid notallowed)
     (not sender ip policy list spam recipient user))
    (protocol-error t protocol (or 500 501 502 503 504 555))
    (server-internal-error t internal 4 (not busy))
    (rate-limited nil protocol busy temporary)
    (protocol-error nil protocol (or (not denied) :greeting :data))
    (protocol-error nil toomany syntax)
    (server-internal-error nil internal)
    (ip-blocklisted nil complaints ip)
    (recipient-temporarily-unavailable nil busy :rcpt 4 (or mailbox user recipient))
    (ip-blocklisted nil busy 5 :greeting (not "x.3.2"))
    (recipient-temporarily-unavailable nil busy :rcpt address 4)
    (server-busy nil busy 4)
    (server-busy nil busy temporary (not mailbox user recipient :greeting))

    ;; Little is said.
    (auth-wrong-password nil :auth 535)
    (auth-mechanism-unsupported nil :auth 534)
    (auth-temporary-failure nil :auth 4)
    (server-busy nil 4 unavailable (not mailbox user recipient))
    (recipient-unknown nil 5 unavailable (or mailbox user recipient))
    (recipient-disabled nil 5 unavailable :rcpt)
    (recipient-disabled nil :rcpt 5 busy (or recipient mailbox user) (not temporary sender))
    (recipient-disabled nil :rcpt (or user mailbox) disabled)
    (sender-domain-unauthenticated nil domain ip (or invalid not))
    (quota-reached nil period (or message sending denied user) (or denied limit not))
    (rate-limited nil toomany 4)
    (rate-limited nil "4.7.500" denied)
    (quota-reached nil smtp limit)
    (quota-reached nil (or :mail :auth) limit (or message frozen) (not size temporary))
    (quota-reached nil :mail period message 5 (not recipient spam))
    (sender-domain-unknown nil :mail domain dns (not ip))
    (sender-domain-unknown nil :mail domain unknown)
    (header-malformed nil :dot sender invalid (or message address) (not domain))
    (address-malformed nil (or :mail :dot) (or sender address) invalid (not domain ip))
    (helo-refused nil helo required :rcpt 5 (not protocol 503))
    (protocol-error nil helo required)
    (ip-network-policy nil :greeting notallowed (not sender helo))
    (ip-blocklisted nil :greeting frozen denied)
    (ip-network-policy nil :greeting denied (or notallowed dynamic))
    (ip-blocklisted nil :greeting denied connection)
    (rate-limited nil :greeting 4 only connection)
    (ip-network-policy nil :greeting only)
    (sender-domain-unauthenticated nil sender domain ip (or notallowed policy))
    (sender-not-owned nil :mail user notallowed (not ip recipient frozen))
    (ip-blocklisted nil ip denied)
    (ip-blocklisted nil :greeting server denied)
    (ip-blocklisted nil :greeting ip (or 5 "4.7.1"))
    (rate-limited nil rate 4)
    (helo-refused nil helo (not 421 protocol required))
    (sender-not-owned nil sender user notallowed (not recipient ip))
    (sender-blocklisted nil sender denied (or :mail :rcpt :dot) (not 503))
    (sender-blocklisted nil banned (or :mail :rcpt) (not ip server user))
    (sender-blocklisted nil address denied :mail)
    (sender-blocklisted nil domain denied :mail (not policy))
    (header-malformed nil :dot "x.6.0" (or invalid unknown not))
    (sender-domain-unknown nil (or unknown nodomain) sender (not user))
    (sender-domain-unknown nil domain invalid (or :dot :mail))
    ;; At this step the sender is all that has been named.
    (sender-domain-unknown nil :mail unknown (not recipient user helo))
    (account-suspended nil :mail frozen)
    (recipient-host-unreachable nil :rcpt 4 dns)
    (recipient-domain-unknown nil :rcpt dns)
    (relay-denied nil :rcpt domain notallowed (not sender ip user))
    (recipient-temporarily-unavailable nil :rcpt 4 domain (or temporary invalid))
    (recipient-unknown nil :rcpt (or address recipient rcptmark user mailbox)
     (or invalid unknown) 5)
    (recipient-unknown nil :rcpt rcptmark "x.1.0")
    (recipient-unknown nil unknown :rcpt 5)
    (sender-not-owned nil :mail verified (or sender domain) (or ownaccount user))
    (sender-verify-failed nil verified sender)
    (recipient-unknown nil :rcpt 5 verified)
    (sender-domain-unknown nil "x.1.8")
    (recipient-unknown nil :dot mailbox (or invalid unknown) (not size sender))
    (recipient-unknown nil "x.1.1" :rcpt (not policy temporary))
    (recipient-unknown nil (or "x.1.0" "x.1.1") :rcpt address denied (not policy))
    (recipient-disabled nil :rcpt disabled 5)
    (recipient-disabled nil :rcpt 5 expired)
    (recipient-needs-permission nil :rcpt recipient notallowed)
    (auth-web-login-needed nil web (or :mail :dot) (not url spam))
    (url-blocked nil url :dot (not ip sender))
    (sender-not-owned nil :mail only (or address sender domain))
    (address-malformed nil :mail required sender address (not ip list auth verified))
    (sender-not-owned nil :mail sender (or sending required) (or domain not notallowed))
    (sender-blocklisted nil :mail sender (or domain address) not)
    (account-suspended nil :mail sending (or not domain) (not sender address ip))
    (relay-denied nil :rcpt domain server not (not sender))
    (recipient-needs-permission nil :rcpt (or group address) notallowed (not sender ip unknown))
    (sender-blocklisted nil :mail allowedsender)
    (header-malformed nil field limit :dot)
    (attachment-blocked nil attachment :dot 5)
    (tls-unavailable nil tls :dot)
    (recipient-domain-unknown nil (or "x.1.2" "x.1.10" "x.4.4"))
    (sender-domain-unknown nil "x.7.27")
    (recipient-unknown nil (or "x.1.6" "x.7.17" "x.7.18"))
    (auth-needs-tls nil (or "x.7.10" "x.7.11"))
    (sender-domain-unauthenticated nil "x.7.29")
    (tls-unavailable nil "x.7.30")
    (recipient-temporarily-unavailable nil "4.2.1")
    (sender-blocklisted nil "5.2.1" :rcpt sender not)
    (recipient-disabled nil (or "x.2.1" "x.7.13") :rcpt)
    (recipient-disabled nil "5.2.1" mailbox)
    (message-too-big nil (or "x.3.4" "x.2.3") (not content))
    (server-full nil (or "x.3.1"))
    (server-busy nil (or "x.3.2" "x.4.5") (not content))
    (recipient-host-unreachable nil (or "x.4.1" "x.4.7" "x.4.3") (not denied))
    (connection-timeout nil "x.4.2")
    (mail-loop nil "x.4.6" :dot)
    (header-malformed nil :dot field (or only toomany not required))
    (header-malformed nil "x.6.0" :dot)
    (spam-content nil content (or denied invalid policy) :dot)
    (spam-content nil filter (or denied not))
    (auth-required nil 530)
    (auth-required nil (or :mail :rcpt) auth invalid (not sender domain message))
    (recipient-temporarily-unavailable nil 4 (or recipient mailbox user) :rcpt)
    (greylisted nil 4 temporary (or :rcpt :dot) (or "x.7.1" "x.2.0"))
    (recipient-needs-permission nil :rcpt "x.7.2" (not relay spam))
    (server-internal-error nil "x.3.5")
    ;; Nothing but the name has been said yet.
    (helo-refused nil :ehlo (or 501 550))
    (protocol-error nil :mail 501 (not denied policy))
    (relay-denied nil (or :mail :rcpt) 551)
    (address-malformed nil :rcpt 553 invalid)
    (address-malformed nil (or 501 553) (or :mail :rcpt) address (or required not)
     (not auth relay norelay denied notallowed ip list owned verified))
    (protocol-error nil (or 500 502 503))
    (protocol-error nil (or "x.5.1" "x.5.2" "x.5.4"))
    (server-internal-error nil 451 server (or temporary denied))
    (server-busy nil 421 (not policy denied))
    (server-internal-error nil 451 (not policy denied temporary))
    (server-busy nil 4 temporary (not policy denied))
    (recipient-disabled nil :rcpt 5 mailbox denied (not sender ip policy spam list))
    (recipient-unknown nil 550 :rcpt mailbox)
    (too-many-recipients nil 452 :rcpt (not denied policy))
    (server-full nil 452 (not denied policy))
    (message-too-big nil 552 :dot (not denied policy content))
    ;; Which of the recipients, and why, is left open.
    (policy-unspecified nil :dot recipient denied invalid))
  "How notions, step and codes name a cause.")

(defconst mew-submit-cause-rule--order
  '(:greeting :ehlo :starttls :auth :mail :rcpt :data :dot)
  "The steps in the order in which more and more is known to the server.")

(defconst mew-submit-cause-rule--elsewhere
  '((:any :rcpt :dot) (:dot :rcpt) (:data :rcpt))
  "The steps by whose rules a reply is read that says nothing at its own.
MAIL and the greeting are not among them: who is to blame would be guessed.")

(defconst mew-submit-cause-rule--earliest
  '((:auth auth-app-password-needed auth-basic-disabled auth-mechanism-unsupported
     auth-oauth-token-refused auth-password-expired auth-temporary-failure
     auth-web-login-needed auth-wrong-password auth-required account-suspended
     quota-reached sender-not-owned)
    (:mail message-too-big relay-denied spam-content
     sender-blocklisted sender-domain-unauthenticated sender-domain-unknown
     sender-verify-failed too-many-recipients utf8-unsupported)
    (:rcpt mail-loop recipient-disabled recipient-domain-unknown
     recipient-host-unreachable recipient-mailbox-full recipient-needs-permission
     recipient-temporarily-unavailable recipient-unknown)
    (:data attachment-blocked header-malformed line-format url-blocked virus-found))
  "The first step at which a server can know of a cause: (STEP CAUSE...).")

(defconst mew-submit-cause-rule--subjects
  '((recipient-unknown . "015") (recipient-mailbox-full . "02")
    (recipient-disabled . "02") (recipient-domain-unknown . "014")
    (message-too-big . "0235") (mail-loop . "04") (server-full . "03")
    (too-many-recipients . "05") (virus-found . "0567") (spam-content . "07")
    (server-internal-error . "0357"))
  "The subjects (second figures) of enhanced codes that go with a cause.")

(defconst mew-submit-cause-rule--decisive
  '(nouser full norelay list reputation spf greylist loop virus spam size ptr helo url
    attachment utf8 line allowedsender dynamic frozen nodomain header field rfc verify owned
    storage timeout busy unreachable quota rate tls certificate manyrcpt loginlimit
    apppassword web token basic mechanism internal disabled protocol syntax period)
  "Notions of which each may name a cause: a rule is sure if it leaves none out.")

(defconst mew-submit-cause-rule--doubts
  '((recipient-unknown sender domain server ip verified only)
    (recipient-mailbox-full sender sending domain)
    (recipient-needs-permission ip sending verified list blockedyou)
    (sender-domain-unknown ip server recipient)
    (sender-domain-unauthenticated recipient user password credential mailserver relay norelay)
    (helo-refused relay norelay auth)
    (quota-reached recipient temporary)
    (sender-not-owned ip recipient)
    (account-suspended recipient)
    (relay-denied user password)
    (header-malformed sender address user recipient server)
    (message-too-big connection)
    (spam-content sender recipient ip domain server)
    (server-full mailbox recipient user sending)
    (server-internal-error recipient mailbox sender url only)
    (connection-timeout ip server recipient domain user dns)
    (protocol-error recipient sender spam toomany)
    (auth-wrong-password ip server smtp)
    (ip-blocklisted url recipient user))
  "Notions that go with another cause as well: (CAUSE NOTION...) is not sure.")

(provide 'mew-submit-cause-rule)
;;; mew-submit-cause-rule.el ends here
