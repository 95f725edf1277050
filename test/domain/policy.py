#!/usr/bin/env python3
"""policy.py --- a web server for tests: the MTA-STS policies in a directory.

usage: policy.py ADDRESS PORT CERTIFICATE KEY DIRECTORY

The policy of a domain is in the file of its name; `redirect' and `missing' instead of a policy are what they say, `stall'
says nothing.  It prints `ready' and ends with its standard input.
SPDX-License-Identifier: GPL-3.0-or-later
"""

import os
import socket
import ssl
import sys
import threading


def serve(connection, context, directory):
    try:
        with context.wrap_socket(connection, server_side=True) as tls:
            request = b''
            while b'\r\n\r\n' not in request:
                request += tls.recv(4096) or b'\r\n\r\n'
            lines = request.decode('latin-1').split('\r\n')
            host = [line.split(':', 1)[1].strip() for line in lines if line.lower().startswith('host:')][0]
            file = os.path.join(directory, host.split(':')[0].removeprefix('mta-sts.'))
            body = open(file, 'rb').read()
            word = body.strip()
            if word == b'stall':
                tls.recv(4096)
            elif word == b'redirect' and '/elsewhere' not in lines[0]:
                tls.sendall(b'HTTP/1.1 302 Found\r\nLocation: /elsewhere\r\nContent-Length: 0\r\nConnection: close\r\n\r\n')
            elif word == b'missing':
                tls.sendall(b'HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n')
            else:
                tls.sendall(b'HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nConnection: close\r\nContent-Length: %d\r\n\r\n'
                            % len(body) + body)
    except (OSError, IndexError):
        pass


def main():
    address, port, certificate, key, directory = sys.argv[1:]
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((address, int(port)))
    listener.listen()

    def accept():
        while True:
            connection, _ = listener.accept()
            threading.Thread(target=serve, args=(connection, context, directory), daemon=True).start()
    threading.Thread(target=accept, daemon=True).start()
    print('ready', flush=True)
    sys.stdin.read()


main()
