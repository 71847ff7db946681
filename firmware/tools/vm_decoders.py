# SPDX-License-Identifier: MIT
"""Runs the boards' decoders on MicroPython: `micropython vm_decoders.py FIRMWARE TARGET FILE`.

FILE holds inputs, each after its length (u32 little-endian). An exception that the decoder does
not declare ends the run with exit code 1 and prints the input in hex.
"""

import hashlib
import sys

firmware, name, path = sys.argv[1:]
sys.path[:0] = [firmware, firmware + "/tests"]

from support import LINK, Host, make_board  # noqa: E402 - the path comes first
from test_console import Line, MemoryBackend  # noqa: E402
from wptcore import alias, journal, mandate, wire  # noqa: E402


class Command:
    def __init__(self):
        self.board = make_board()
        Host(self.board).hello()

    def __call__(self, data):
        self.board.on_command(LINK, data)
        while self.board.pop_reply() is not None:
            pass
        if self.board.unwelcome_link >= 0:
            self.__init__()


class Console:
    def __init__(self):
        self.line = Line(backend=MemoryBackend(maintenance=True))
        self.count = 0

    def __call__(self, data):
        self.line.console.feed(data + b"\n")
        self.line.console.step()
        while self.line.console.pop_line() is not None:
            pass
        self.count += 1
        if self.count % 100 == 0:
            self.__init__()


def frame(data):
    wire.unpack_header(data)
    wire.unpack_body(data)


DECODERS = {
    "alias": lambda data: alias.read(hashlib.sha256, bytes(32), data),
    "mandate": lambda data: mandate.verified(hashlib.sha256, bytes(32), 3, data),
    "beacon": wire.unpack_beacon,
    "challenge": wire.unpack_challenge,
    "receipts": lambda data: [wire.unpack_receipt(each) for each in wire.split_receipts(data)],
    "frame": frame,
    "command": Command(),
    "journal": lambda data: make_board(saved=journal.Journal([data, b""], lambda _: 0).saved),
    "console": Console(),
}
MAY_REFUSE = ("beacon", "challenge", "receipts", "frame")  # by ValueError

count = 0
with open(path, "rb") as file:
    while True:
        head = file.read(4)
        if not head:
            break
        data = file.read(int.from_bytes(head, "little"))
        count += 1
        try:
            DECODERS[name](data)
        except ValueError:
            if name not in MAY_REFUSE:
                print(data.hex())
                raise
        except Exception:
            print(data.hex())
            raise
print("%s: %d inputs" % (name, count))
