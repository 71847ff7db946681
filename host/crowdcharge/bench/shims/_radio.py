# SPDX-License-Identifier: MIT
# ruff: noqa: PLW0603 - one radio a process
"""The wire to a board's radio in the hub: a stream on $CROWDCHARGE_RADIO_SOCKET.

Frames, little-endian: u16 length of what follows, opcode, payload (table in
bench/board/radio.py).
"""

import os
import select
import socket
import struct
import sys

stream = None
events = []  # frames that the firmware has not seen yet
_received = b""
_unsent = b""
_readable = select.poll()
_writable = select.poll()
_CHUNK = 512  # a small heap has no larger block free


def open_socket():
    global stream
    path = os.getenv("CROWDCHARGE_RADIO_SOCKET")
    if not path:
        raise RuntimeError("this board has no radio: CROWDCHARGE_RADIO_SOCKET is not set")
    stream = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    stream.connect(struct.pack("<H", 1) + path.encode() + b"\0")
    stream.setblocking(False)
    _readable.register(stream, select.POLLIN)
    _writable.register(stream, select.POLLOUT)


def wait(wait_ms):
    """Return True as soon as something arrives, False if nothing does within `wait_ms`."""
    return bool(_readable.poll(wait_ms))


def post(opcode, payload=b""):
    """Queues a frame for the next `flush`, to save system calls."""
    global _unsent
    _unsent += struct.pack("<HB", len(payload) + 1, ord(opcode)) + payload


def flush():
    global _unsent
    frames, _unsent = _unsent, b""
    while frames:
        frames = frames[stream.write(frames) or 0 :]
        if frames:
            _writable.poll()


def request(opcode, payload=b""):
    """Send a frame and wait for its reply; events that come first are kept."""
    post(opcode, payload)
    flush()
    while True:
        _readable.poll()
        receive()
        for index, event in enumerate(events):
            if event[0] == ord("="):
                del events[index]
                return event[1:]


def receive():
    """Move what has arrived, frame by frame, to `events`."""
    global _received
    while True:
        data = stream.read(_CHUNK)
        if data is None:
            break
        if not data:
            sys.stdout.write("the bench hub is gone: this board stops\n")
            raise SystemExit(1)
        _received += data
        if len(data) < _CHUNK:
            break
    start = 0
    while len(_received) - start >= 2:
        end = start + 2 + (_received[start] | _received[start + 1] << 8)
        if len(_received) < end:
            break
        events.append(_received[start + 2 : end])
        start = end
    _received = _received[start:]
