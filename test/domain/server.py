#!/usr/bin/env python3
r"""server.py --- a DNS server for tests: what a file says, and nothing else.

usage: server.py ADDRESS PORT ZONE

A line of ZONE is NAME TYPE DATA, DATA being octets in hexadecimal behind `\#', or NAME !WHAT, where WHAT is what happens to every question about NAME:
silent, servfail, garbage, truncate (over UDP; TCP is answered), loop (a compressed name that points to itself),
wrong-id.  The NAME `*' stands for whatever has nothing else.  `@authentic' in a line of its own sets AD in all
answers from then on.  It prints `ready' and ends with its standard input.
SPDX-License-Identifier: GPL-3.0-or-later
"""

import ipaddress
import socket
import struct
import sys
import threading

TYPES = {'A': 1, 'NS': 2, 'CNAME': 5, 'PTR': 12, 'MX': 15, 'TXT': 16, 'AAAA': 28, 'SRV': 33, 'TLSA': 52}


def name_octets(name):
    labels = [label for label in name.rstrip('.').split('.') if label]
    return b''.join(bytes([len(label)]) + label.encode() for label in labels) + b'\0'


def data_octets(kind, words):
    if words[0] == '\\#':
        return bytes.fromhex(''.join(words[1:]))
    if kind == 'A':
        return ipaddress.IPv4Address(words[0]).packed
    if kind == 'AAAA':
        return ipaddress.IPv6Address(words[0]).packed
    if kind == 'MX':
        return struct.pack('!H', int(words[0])) + name_octets(words[1])
    if kind == 'SRV':
        return struct.pack('!HHH', *map(int, words[:3])) + name_octets(words[3])
    if kind == 'TXT':
        text = ' '.join(words).encode()
        parts = [text[i:i + 255] for i in range(0, len(text), 255)] or [b'']
        return b''.join(bytes([len(part)]) + part for part in parts)
    if kind == 'TLSA':
        return bytes(map(int, words[:3])) + bytes.fromhex(words[3])
    return name_octets(words[0])


def read_zone(file):
    records, tricks, authentic = {}, {}, False
    for line in open(file):
        words = line.split()
        if not words or words[0].startswith('#'):
            continue
        if words[0] == '@authentic':
            authentic = True
        elif words[1].startswith('!'):
            tricks[words[0].lower()] = words[1][1:]
        else:
            key = (words[0].lower().rstrip('.'), TYPES[words[1]])
            records.setdefault(key, []).append((data_octets(words[1], words[2:]), authentic))
    return records, tricks


def question(packet):
    labels, at = [], 12
    while packet[at]:
        labels.append(packet[at + 1:at + 1 + packet[at]].decode('latin-1'))
        at += 1 + packet[at]
    return '.'.join(labels).lower(), struct.unpack('!H', packet[at + 1:at + 3])[0], packet[12:at + 5]


def answer(packet, zone, tcp):
    records, tricks = zone
    name, kind, asked = question(packet)
    number = packet[:2]
    found = records.get((name, kind), []) or records.get(('*', kind), [])
    exists = found or name in tricks or any(other == name or other.endswith('.' + name) for other, _ in records)
    trick = tricks.get(name)
    if trick == 'silent':
        return None
    if trick == 'garbage':
        return number + b'\xff' * 40
    if trick == 'wrong-id':
        number = bytes([number[0] ^ 0xff, number[1]])
    flags = 0x8180 | (0x20 if any(authentic for _, authentic in found) else 0)
    flags |= 2 if trick == 'servfail' else 0 if exists else 3
    if trick == 'truncate' and not tcp:
        return number + struct.pack('!HHHHH', flags | 0x200, 1, 0, 0, 0) + asked
    if trick == 'loop':
        here = 12 + len(asked)
        return (number + struct.pack('!HHHHH', flags, 1, 1, 0, 0) + asked
                + struct.pack('!HHHIH', 0xc000 | here, kind, 1, 60, 0))
    body = b''.join(b'\xc0\x0c' + struct.pack('!HHIH', kind, 1, 60, len(data)) + data for data, _ in found)
    return number + struct.pack('!HHHHH', flags, 1, len(found), 0, 0) + asked + body


def serve_tcp(listener, zone):
    while True:
        connection, _ = listener.accept()
        with connection:
            head = connection.recv(2, socket.MSG_WAITALL)
            packet = connection.recv(struct.unpack('!H', head)[0], socket.MSG_WAITALL) if len(head) == 2 else b''
            reply = answer(packet, zone, True) if packet else None
            if reply:
                connection.sendall(struct.pack('!H', len(reply)) + reply)


def main():
    address, port, file = sys.argv[1], int(sys.argv[2]), sys.argv[3]
    zone = read_zone(file)
    family = socket.AF_INET6 if ':' in address else socket.AF_INET
    tcp = socket.socket(family, socket.SOCK_STREAM)
    tcp.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    tcp.bind((address, port))
    tcp.listen()
    udp = socket.socket(family, socket.SOCK_DGRAM)
    udp.bind((address, tcp.getsockname()[1]))
    threading.Thread(target=serve_tcp, args=(tcp, zone), daemon=True).start()
    threading.Thread(target=lambda: serve_udp(udp, zone), daemon=True).start()
    print('ready', udp.getsockname()[1], flush=True)
    sys.stdin.read()


def serve_udp(udp, zone):
    while True:
        packet, client = udp.recvfrom(4096)
        reply = answer(packet, zone, False)
        if reply:
            udp.sendto(reply, client)


main()
