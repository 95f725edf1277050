#!/usr/bin/env python3
"""A mail server for each case of a list, as odd as the case says.

usage: server.py CASES CERTIFICATE KEY LOG READY

CASES is a JSON object, NAME -> CASE, a CASE being as README.org says.  The ports go to READY, {NAME: PORT}, and what
happens to LOG, JSON lines.  It ends when its standard input does.

SPDX-License-Identifier: GPL-3.0-or-later
"""

import base64
import json
import os
import socket
import ssl
import sys
import threading

PASSWORD = "Wachtwoord-4711-geheim"
EHLO_CLEAR = ["mail.case.test", "PIPELINING", "SIZE 50000000", "8BITMIME", "ENHANCEDSTATUSCODES", "STARTTLS"]
EHLO = EHLO_CLEAR[:-1] + ["AUTH PLAIN LOGIN"]


class End(Exception):
    """The conversation is over."""


class Case:
    """What all connections of a case share."""

    def __init__(self, name, spec):
        self.name, self.spec = name, spec
        self.heard = {}
        self.taken = 0
        self.lock = threading.Lock()
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=64)

    def nth(self, verb):
        """The reply that the case has for this occurrence of VERB, or None: the usual one."""
        with self.lock:
            count = self.heard[verb] = self.heard.get(verb, 0) + 1
        replies = self.spec.get("on", {}).get(verb)
        return replies[min(count, len(replies)) - 1] if replies else None


class Conversation:
    def __init__(self, case, sock):
        self.case, self.spec, self.sock = case, case.spec, sock
        self.buffer = b""
        self.tls = self.authenticated = self.in_transaction = False
        self.recipients, self.chunks = [], b""

    def log(self, event, **more):
        log(case=self.case.name, event=event, **more)

    def fill(self):
        data = self.sock.recv(65536)
        if not data:
            raise End
        self.buffer += data

    def line(self):
        while b"\n" not in self.buffer:
            self.fill()
        line, self.buffer = self.buffer.split(b"\n", 1)
        if self.spec.get("one_line_of_each_packet"):
            self.buffer = b""
        return line.rstrip(b"\r").decode("latin-1")

    def say(self, reply):
        """Send REPLY, lines whose last one may have acts behind it, each after a bar."""
        text, *acts = reply.split("|") if not reply.startswith("@") else ("", reply)
        if text:
            self.log("reply", text=text)
            end = self.spec.get("line_end", "\r\n")
            self.sock.sendall((text.replace("\n", end) + end).encode(self.spec.get("coding", "utf-8")))
        if "@close" in acts:
            raise End
        if "@stall" in acts:
            while True:
                self.fill()
        return text[:1] or "0"

    def usual(self, verb, reply):
        return self.say(self.case.nth(verb) or reply)

    def offer(self, key, usual):
        offered = self.spec.get(key, usual)
        if isinstance(offered, str):
            return self.say(offered)
        lines = ["250-" + line for line in offered]
        return self.say("\n".join(lines[:-1] + [lines[-1].replace("-", " ", 1)]))

    def starttls(self):
        if self.usual("STARTTLS", "220 2.0.0 go") == "2":
            self.handshake()

    def handshake(self):
        self.sock = CONTEXT.wrap_socket(self.sock, server_side=True)
        self.buffer, self.tls = b"", True

    def auth(self, first):
        """A log-in step by step as the case says, or PLAIN and LOGIN as everybody does."""
        steps = self.spec.get("auth")
        if steps:
            for number, (wanted, reply) in enumerate(steps):
                said = first if number == 0 else self.line()
                forms = {"(user name)": base64.b64encode(b"me").decode(), "(empty)": "",
                         "(password)": base64.b64encode(PASSWORD.encode()).decode(),
                         "(plain)": base64.b64encode(b"\0me\0" + PASSWORD.encode()).decode()}
                if number == 0:
                    fits = said.startswith(wanted)
                else:
                    fits = said == forms.get(wanted, wanted) or (wanted == "(anything)")
                if not fits:
                    self.log("strange", wanted=wanted)
                    self.say("501 5.5.4 what?" if said == "*" else "535 5.7.8 no")
                    return
                if self.say(reply) != "3":
                    self.authenticated = reply.startswith("235")
                    return
            return
        words = first.split()
        if words[1] == "LOGIN":
            for prompt in b"Username:", b"Password:":
                self.say("334 " + base64.b64encode(prompt).decode())
                said = self.line()
            right = said == base64.b64encode(PASSWORD.encode()).decode()
        else:
            if len(words) < 3:
                self.say("334 ")
                words.append(self.line())
            right = base64.b64decode(words[2]) == b"\0me\0" + PASSWORD.encode()
        self.authenticated = self.usual("AUTH", "235 2.7.0 ok" if right else "535 5.7.8 no") == "2"

    def mail(self, line):
        if self.spec.get("one_mail_only") and self.in_transaction:
            return
        if not self.authenticated and not self.spec.get("open"):
            self.say("530 5.7.0 log in first")
        elif self.spec.get("mail_has_no_parameters") and ">" in line and not line.endswith(">"):
            self.say("555 5.5.4 %s: what is that?" % line.split()[-1])
        elif self.usual("MAIL", "250 2.1.0 ok") == "2":
            self.in_transaction, self.recipients, self.chunks = True, [], b""

    def rcpt(self, line):
        if not self.in_transaction:
            self.say("503 5.5.1 MAIL first")
            return
        one, every = self.spec.get("recipients_in_one_transaction"), self.spec.get("recipients_in_all")
        reply = self.case.nth("RCPT")
        if not reply and one and len(self.recipients) >= one[0]:
            reply = one[1]
        with self.case.lock:
            if not reply and every and self.case.taken >= every[0]:
                reply = every[1]
            if not reply:
                self.case.taken += 1
        if self.say(reply or "250 2.1.5 ok") == "2":
            self.recipients.append(line.split("<", 1)[1].split(">", 1)[0])

    def message(self, octets, chunked):
        self.log("message", octets=octets.decode("latin-1"), recipients=self.recipients, chunked=chunked)
        self.in_transaction = False

    def too_many(self, place):
        """The reply at PLACE to a message for more recipients than the server takes, or None."""
        number, reply, where = self.spec.get("recipients_in_one_message", [0, None, None])
        return reply if place == where and len(self.recipients) > number else None

    def data(self):
        if not self.in_transaction or not self.recipients:
            self.say("503 5.5.1 RCPT first")
            return
        if self.usual("DATA", self.too_many("DATA") or "354 go") != "3":
            return
        while not self.buffer.endswith(b"\r\n.\r\n") and self.buffer != b".\r\n":
            self.fill()
        octets, self.buffer = self.buffer[:-3], b""
        reply = self.case.nth(".") or self.too_many(".") or "250 2.0.0 taken"
        if reply.startswith("2"):
            self.message(octets.replace(b"\r\n..", b"\r\n."), False)
        self.say(reply)

    def bdat(self, line):
        length = int(line.split()[1])
        reply = self.case.nth("BDAT")
        if reply and reply.startswith("@"):
            self.say(reply)
        if reply and self.spec.get("chunk_is_commands"):
            self.say(reply)
            return
        while len(self.buffer) < length:
            self.fill()
        octets, self.buffer = self.buffer[:length], self.buffer[length:]
        if not reply and not (self.in_transaction and self.recipients):
            reply = "503 5.5.1 RCPT first"
        reply = reply or self.too_many(".")
        if self.say(reply or "250 2.0.0 taken") != "2":
            return
        self.chunks += octets
        if line.endswith("LAST") or self.spec.get("each_chunk_is_a_message"):
            self.message(self.chunks, True)

    def command(self, line):
        verb = line.split(" ")[0].upper()
        if verb == "EHLO":
            self.offer("ehlo" if self.tls else "ehlo_clear", EHLO if self.tls else EHLO_CLEAR)
        elif verb == "HELO":
            self.usual("HELO", "250 mail.case.test")
        elif verb == "STARTTLS":
            self.starttls()
        elif verb == "AUTH":
            self.auth(line)
        elif verb == "MAIL":
            self.mail(line)
        elif verb == "RCPT":
            self.rcpt(line)
        elif verb == "DATA":
            self.data()
        elif verb == "BDAT":
            self.bdat(line)
        elif verb == "RSET":
            self.in_transaction = False
            self.usual("RSET", "250 2.0.0 ok")
        elif verb == "QUIT":
            self.usual("QUIT", "221 2.0.0 bye")
            raise End
        else:
            self.say("500 5.5.2 what?")

    def run(self):
        self.log("connect")
        try:
            if self.spec.get("implicit"):
                self.handshake()
            self.say(self.spec.get("greeting", "220 mail.case.test ESMTP"))
            while True:
                line = self.line()
                self.log("line", text=line)
                self.command(line)
        except (End, OSError):
            pass
        finally:
            self.sock.close()
            self.log("close")


def log(**event):
    with LOCK:
        LOG.write(json.dumps(event) + "\n")
        LOG.flush()


def listen(case):
    while True:
        sock, _ = case.listener.accept()
        threading.Thread(target=Conversation(case, sock).run, daemon=True).start()


with open(sys.argv[1], encoding="utf-8") as file:
    CASES = [Case(name, spec) for name, spec in json.load(file).items()]
CONTEXT = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
CONTEXT.load_cert_chain(sys.argv[2], sys.argv[3])
LOCK, LOG = threading.Lock(), open(sys.argv[4], "w", encoding="utf-8")
for each in CASES:
    threading.Thread(target=listen, args=(each,), daemon=True).start()
with open(sys.argv[5] + ".part", "w", encoding="utf-8") as file:
    json.dump({each.name: each.listener.getsockname()[1] for each in CASES}, file)
os.rename(sys.argv[5] + ".part", sys.argv[5])
sys.stdin.read()
