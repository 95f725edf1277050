#!/usr/bin/env python3
"""page.py --- a web server for tests: what each of its addresses says is in a file.

usage: page.py FILE

A line of FILE is ADDRESS WHAT: ok (the text that is expected), other (another page), portal (a redirect to a
portal), 511, 503.  It listens at port 80 of all addresses, prints `ready' and ends with its standard input.
SPDX-License-Identifier: GPL-3.0-or-later
"""

import socket
import sys
import threading

PAGES = {
    'ok': '200 OK\r\n\r\nall is well\n',
    'other': '200 OK\r\n\r\n<html>Welcome to our hotel</html>\n',
    'portal': '302 Found\r\nLocation: http://portal.hotel.example/login\r\n\r\n',
    '511': '511 Network Authentication Required\r\n\r\nLog in\n',
    '503': '503 Service Unavailable\r\n\r\nLater\n',
}


def serve(listener, places):
    while True:
        connection, _ = listener.accept()
        with connection:
            while b'\r\n\r\n' not in connection.recv(4096):
                pass
            what = places[connection.getsockname()[0]]
            connection.sendall(('HTTP/1.1 ' + PAGES[what]).encode())


def main():
    places = dict(line.split() for line in open(sys.argv[1]))
    for address in places:
        family = socket.AF_INET6 if ':' in address else socket.AF_INET
        listener = socket.socket(family, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((address, 80))
        listener.listen()
        threading.Thread(target=serve, args=(listener, places), daemon=True).start()
    print('ready', flush=True)
    sys.stdin.read()


main()
