/* probe.h --- diagnosing a server: every address, every port, and what each of them says; nothing is delivered.

   Floor 9.  No DATA is said, no real address named, and no credentials are known here.

   A diagnosis ends with `done' (kind "ok", whatever was found; "host" when the name has no address).  Before it come, of each
   family that a route wants, one `resolved' event; and of each address and port, which all have the same :id,

     attempt       when the SYN leaves (:case is not there, :text "connecting"), and with its verdict
     greeting      :code :text :ms, the delay; from POP and IMAP without a code
     capabilities  before TLS (:secure nil) and inside it; the former with :starttls "offered", "missing" or "mangled" (then
                   :instead has what stands there); :name is who the server says it is
     tls           the certificate may be bad: :verified, :unverified in words, :problems one by one, :chain, :ocsp
     chain         the certificates of a server that mail is brought to, its own first, in base64: :certificates
     check         what the server answered to a command: :name, :code, :enhanced, :text, :secure.  The names:
                   mail-before-starttls, mail-before-auth (MAIL FROM:<>); then RCPT to a reserved name: rcpt-before-auth
                   (at a submission port, once for each) and relay (at port 25, only with the request's :relay-test);
                   starttls-unoffered (STARTTLS though EHLO has not listed it)
     probed        exactly one, the last: :kind as in `done', :stage of the end ("connect", "tls", "greeting", "ehlo",
                   "checks", "starttls", "end"), :code :enhanced :text; :failure, the TLS handshake's, in a word; :spoke
                   "tls" or "plaintext" where the server speaks the other mode than the route's; :unanswered when the
                   connection was closed before the first octet

   Each has :at, the milliseconds since the beginning, and :again t when it comes from a second look at the same place: at
   a server that is too old or too weak for us, in the other TLS mode, or without the checks that made it hang up.
   SPDX-License-Identifier: GPL-3.0-or-later  */

#ifndef MSUB_PROBE_H
#define MSUB_PROBE_H

#include "server.h"

/* Diagnose REQUEST's host by all of its routes.  -1 with ERR: MSUB_HOST, MSUB_CANCELLED, MSUB_CONFIG, MSUB_INTERNAL.  */
int msub_probe (const struct msub_context *context, const struct msub_request *request, struct msub_error *err);

#endif
