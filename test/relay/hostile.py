# hostile.py --- clients that mean no good.
#
# usage: hostile.py PORT GAP
# The relay notes in the file GAP the longest time, in milliseconds, that it was busy without a pause since that
# file was gone.
# Prints a line about what the relay should not have done, and fails; or nothing.
# SPDX-License-Identifier: GPL-3.0-or-later

import os
import socket
import sys
import time

port = int(sys.argv[1])
gap_file = sys.argv[2]
patience = 120  # seconds, for a machine that is ten times slower than a slow one


def connect(receive_buffer=None):
    s = socket.socket()
    if receive_buffer:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    s.settimeout(patience)
    s.connect(("127.0.0.1", port))
    return s


def say(s, octets):
    s.sendall(octets)
    return s.recv(65536)


def served():
    """Is somebody who behaves served, while others are still there?"""
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


def does_not_read():
    """More replies than any buffer takes, and none is read."""
    s = connect(2304)
    s.recv(1000)
    say(s, b"EHLO me\r\n")
    say(s, b"MAIL FROM:<me@example.org>\r\n")
    s.settimeout(2)  # nothing moves any more
    try:
        for _ in range(20000):
            s.sendall(b"RCPT TO:<you@example.org>\r\n" * 40)
    except OSError:
        pass
    served()
    s.close()


def ends(s):
    """Wait until the connection is ended; the relay's own patience is longer."""
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


def behaves():
    """Somebody who has much to say, and says it as it should be: for comparison."""
    for _ in range(2):
        s = connect()
        s.recv(1000)
        for line in (b"EHLO me\r\n", b"MAIL FROM:<me@example.org>\r\n", b"RCPT TO:<you@example.org>\r\n", b"DATA\r\n"):
            say(s, line)
        s.sendall((b"a" * 98 + b"\r\n") * 80000)
        say(s, b".\r\n")
        s.close()


def busy(function):
    """For how many milliseconds, at most, was the relay busy without a pause during FUNCTION?"""
    if os.path.exists(gap_file):
        os.remove(gap_file)
    function()
    deadline = time.monotonic() + patience
    while not os.path.exists(gap_file):
        if time.monotonic() > deadline:
            sys.exit(f"the relay has no time after {function.__name__}")
        time.sleep(0.05)
    with open(gap_file) as file:
        return int(file.read())


# A busy machine stops the relay now and then, and as long when somebody behaves; what is our own comes every time.
for hostility in (does_not_read, floods, idle, leaves):
    print(hostility.__name__, file=sys.stderr)
    seen = []
    for _ in range(3):
        seen.append((busy(hostility), busy(behaves)))
        print(*seen[-1], file=sys.stderr)
        if seen[-1][0] < 1500 or seen[-1][0] < 4 * seen[-1][1]:
            break
    else:
        sys.exit(f"{hostility.__name__}: the relay was busy for (ms; in comparison) {seen}")
