#!/usr/bin/env python3
"""An aiosmtpd with STARTTLS and a log-in, which keeps mail in mailboxes.

SPDX-License-Identifier: GPL-3.0-or-later
"""

import os
import signal
import ssl

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult

WORK, MAILBOXES = os.environ["SMTP_WORK"], os.environ["SMTP_MAILBOXES"]


class Handler:
    async def handle_RCPT(self, server, session, envelope, address, options):
        if address.startswith("unknown@"):
            return "550 5.1.1 User unknown"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        for recipient in envelope.rcpt_tos:
            place = os.path.join(MAILBOXES, recipient.split("@")[0])
            os.makedirs(os.path.join(place, "new"), exist_ok=True)
            with open(os.path.join(place, "part"), "wb") as file:
                file.write(envelope.original_content.replace(b"\r\n", b"\n"))
            os.rename(os.path.join(place, "part"), os.path.join(place, "new", "1"))
        return "250 Taken"


def right(server, session, envelope, mechanism, data):
    return AuthResult(handled=False, success=(data.login, data.password)
                      == (os.environ["SMTP_USER"].encode(), os.environ["SMTP_PASSWORD"].encode()))


context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
context.load_cert_chain(os.path.join(WORK, "server.pem"), os.path.join(WORK, "server.key"))
for address in "0.0.0.0", "::":
    Controller(Handler(), hostname=address, port=int(os.environ["OTHERS_PORT"]), tls_context=context, require_starttls=True,
               authenticator=right, auth_required=True).start()
signal.pause()
