# hostile.py --- clients that mean no good.
#
# usage: hostile.py PORT
# Prints a line about what the relay should not have done, and fails; or nothing.
# SPDX-License-Identifier: GPL-3.0-or-later

import socket
import sys
import time

port = int(sys.argv[1])


def connect(receive_buffer=None):
    s = socket.socket()
    if receive_buffer:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    s.settimeout(20)
    s.connect(("127.0.0.1", port))
    return s


def say(s, octets):
    s.sendall(octets)
    return s.recv(65536)


def served():
    """Is somebody who behaves served, and how soon?"""
    start = time.monotonic()
    s = connect()
    s.recv(1000)
    say(s, b"EHLO me\r\n")
    say(s, b"MAIL FROM:<me@example.org>\r\n")
    say(s, b"RCPT TO:<you@example.org>\r\n")
    say(s, b"DATA\r\n")
    reply = say(s, b"Subject: x\r\n\r\nx\r\n.\r\n")
    if not reply.startswith(b"250"):
        sys.exit(f"somebody who behaves is told {reply!r}")
    s.close()
    seconds = time.monotonic() - start
    if seconds > 10:
        sys.exit(f"somebody who behaves waits {seconds:.1f} s")


def does_not_read():
    """More replies than any buffer takes, and none is read."""
    s = connect(2304)
    s.recv(1000)
    s.settimeout(2)
    try:
        s.sendall(b"EHLO me\r\n")
        time.sleep(0.2)
        s.sendall(b"MAIL FROM:<me@example.org>\r\n")
        for _ in range(20000):
            s.sendall(b"RCPT TO:<you@example.org>\r\n" * 40)
    except OSError:
        pass
    served()
    s.close()


def ends(s):
    """Is the connection ended, whatever is said, within a few seconds?"""
    s.settimeout(10)
    try:
        while s.recv(65536):
            pass
    except ConnectionError:
        pass


def flood(prelude, octets):
    s = connect()
    s.recv(1000)
    for line in prelude:
        say(s, line)
    try:
        for _ in range(800):
            s.sendall(octets)
        ends(s)
    except ConnectionError:
        pass
    s.close()
    served()


def floods():
    """A line, commands, and a message without end."""
    flood((), b"A" * 65536)
    flood((), b"\r\n" * 30000)
    flood((b"EHLO me\r\n",), b"NOOP\r\n" * 10000)
    flood((), b"\0" * 65536)
    flood((b"EHLO me\r\n", b"MAIL FROM:<me@example.org>\r\n", b"RCPT TO:<you@example.org>\r\n", b"DATA\r\n"),
          (b"a" * 98 + b"\r\n") * 1000)


def idle():
    """200 connections on which nothing is said."""
    kept = []
    for _ in range(200):
        try:
            kept.append(connect())
        except OSError:
            break
    served()
    for s in kept:
        s.close()
    served()


def leaves():
    """Connections that end at any point."""
    for octets in (b"", b"E", b"EHLO me\r\n", b"EHLO me\r\nMAIL FROM:<me@example.org>\r\n",
                   b"EHLO me\r\n" * 30, b"QUIT", b"\r\n" * 50, b"\r\n.\r\n", b"GET / HTTP/1.0\r\n\r\n"):
        for linger in (False, True):
            s = connect()
            if linger:
                s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            s.sendall(octets)
            s.close()
    served()


for hostility in (does_not_read, floods, idle, leaves):
    print(hostility.__name__, file=sys.stderr)
    hostility()
