"""Clients of a smarthost that mean no good.

usage: smarthost.py HOST PORT TLS-PORT CA-FILE TOKEN
The last line of the output says what is not as it should be.
SPDX-License-Identifier: GPL-3.0-or-later
"""

import base64
import socket
import ssl
import sys
import time

HOST, PORT, TLS_PORT, CA, TOKEN = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4], sys.argv[5]
PATIENCE = 120
RIGHT = "AUTH PLAIN " + base64.b64encode(b"\0x\0" + TOKEN.encode()).decode()


def connect(port=PORT):
    return socket.create_connection((HOST, port), timeout=PATIENCE)


def reply(client):
    """The code of the next reply; None at the end of the connection."""
    text = b""
    while True:
        try:
            more = client.recv(1)
        except (ConnectionError, ssl.SSLError):
            return None
        if not more:
            return None
        text += more
        if text.endswith(b"\r\n"):
            line = text.split(b"\r\n")[-2]
            if line[3:4] != b"-":
                reply.text = text.decode()
                return int(line[:3])


def say(client, line):
    client.sendall(line.encode() + b"\r\n")
    return reply(client)


def expect(what, found, wanted):
    if found != wanted:
        print(f"{what}: {found}, not {wanted}")
        sys.exit(1)


def tls(client):
    return ssl.create_default_context(cafile=CA).wrap_socket(client, server_hostname=HOST)


def without_tls():
    with connect() as client:
        expect("greeting", reply(client), 220)
        expect("EHLO", say(client, "EHLO me"), 250)
        expect("a log-in is offered in the clear", "AUTH" in reply.text, False)
        expect("the token in the clear", say(client, RIGHT), 538)
        expect("AUTH LOGIN in the clear", say(client, "AUTH LOGIN"), 538)
        expect("MAIL in the clear", say(client, "MAIL FROM:<me@x>"), 530)


def wrong_token():
    with connect(TLS_PORT) as plain, tls(plain) as client:
        expect("greeting", reply(client), 220)
        expect("EHLO", say(client, "EHLO me"), 250)
        expect("MAIL without a log-in", say(client, "MAIL FROM:<me@x>"), 530)
        wrong = "AUTH PLAIN " + base64.b64encode(b"\0x\0" + TOKEN[:-1].encode()).decode()
        expect("three wrong tokens", [say(client, wrong) for _ in range(3)], [535, 535, 421])
        expect("a fourth", reply(client), None)


def injection():
    """Commands in the clear, with STARTTLS and behind it."""
    with connect() as client:
        reply(client)
        client.sendall(b"EHLO me\r\nSTARTTLS\r\nMAIL FROM:<me@x>\r\n")
        expect("EHLO", reply(client), 554)
        expect("what follows", reply(client), None)
    with connect() as client:
        reply(client)
        say(client, "EHLO me")
        client.sendall(b"STARTTLS\r\nMAIL FROM:<me@x>\r\n")
        expect("STARTTLS and MAIL", reply(client), 554)
        expect("what follows", reply(client), None)
    with connect() as client:
        reply(client)
        say(client, "EHLO me")
        expect("STARTTLS", say(client, "STARTTLS"), 220)
        client.sendall(b"MAIL FROM:<me@x>\r\nRCPT TO:<nobody@example.org>\r\n")
        client.shutdown(socket.SHUT_WR)
        found = b""
        try:
            while more := client.recv(1000):
                found += more
        except ConnectionError:
            pass
        expect("an SMTP reply to a command in the clear", b"250" in found or b"503" in found, False)


def endless_handshakes():
    """More than there may be connections begin a handshake and go on with nothing; others are served all the same."""
    stuck = []
    for number in range(200):
        client = connect(TLS_PORT if number % 2 else PORT)
        client.settimeout(PATIENCE)
        # The beginning of a ClientHello.
        if number % 2:
            client.sendall(b"\x16\x03\x01\x02\x00\x01\x00")
        stuck.append(client)
    return stuck


def crowd():
    """Thousands come and go, some without a word, some with a reset."""
    for number in range(2000):
        client = connect(TLS_PORT if number % 3 == 0 else PORT)
        if number % 5 == 0:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        client.close()


def served():
    """Whether a client is served now; while a crowd is there it may be sent away, and comes again."""
    with connect() as client:
        return reply(client) == 220


def soon_served(when):
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        try:
            if served():
                return
        except OSError:
            pass
    print(f"{when} nobody is served")
    sys.exit(1)


for step in (without_tls, wrong_token, injection, crowd):
    print(step.__name__, flush=True)
    step()
soon_served("after the crowd")
print("endless_handshakes", flush=True)
STUCK = endless_handshakes()
soon_served("beside handshakes that do not end")
