# SPDX-License-Identifier: MIT
"""A CircuitPython board's non-volatile memory as provisioning leaves it.

The layout is that of firmware/ports/circuitpython/memory.py, and a test reads this image with
that module.
"""

import binascii
import struct

PAGE = 4096
SIZE = 2 * PAGE
IDENTITY_AT = 1024


def image(identity: bytes) -> bytes:
    """Erased flash with a copy of the identity in each page."""
    memory = bytearray(b"\xff" * SIZE)
    record = struct.pack("<HI", len(identity), binascii.crc32(identity)) + identity
    for page in range(2):
        at = page * PAGE + IDENTITY_AT
        memory[at : at + len(record)] = record
    return bytes(memory)
