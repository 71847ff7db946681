# SPDX-License-Identifier: MIT
# ruff: noqa: PLW0603 - one wire a process
"""The wire to the bench's hardware: one request, one reply, on $CROWDCHARGE_HARDWARE_SOCKET.

A request is (sequence, opcode, when it was sent, payload), a reply (sequence, errno, payload).
Ctrl-C may interrupt a wait; the late reply is recognised by its sequence number and dropped.
"""

import os
import socket
import struct
from time import _real_us

_SEQPACKET = 5
_socket = socket.socket(socket.AF_UNIX, _SEQPACKET)
_socket.connect(struct.pack("<H", 1) + os.getenv("CROWDCHARGE_HARDWARE_SOCKET").encode() + b"\0")
_sequence = 0


def call(opcode, payload=b"", reply_max=64):
    """Return the reply's payload; raise OSError with the errno of a real port.

    `reply_max` is small, because a board would need no heap for this at all.
    """
    global _sequence
    _sequence = _sequence % 255 + 1
    head = struct.pack("<BBI", _sequence, ord(opcode), _real_us() & 0x3FFFFFFF)
    _socket.send(head + payload)
    while True:
        reply = _socket.recv(reply_max)
        if not reply:
            raise SystemExit(1)  # the bench has ended, and the board's power with it
        if reply[0] == _sequence:
            break
    if reply[1]:
        raise OSError(reply[1])
    return reply[2:]


def tell(opcode, payload=b""):
    """Send a request that has no reply."""
    _socket.send(bytes((0, ord(opcode))) + payload)
