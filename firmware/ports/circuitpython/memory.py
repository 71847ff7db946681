# SPDX-License-Identifier: MIT
"""What survives a reboot, in `microcontroller.nvm`: identity, maintenance mark, journal slots.

Code cannot write to CIRCUITPY while a computer has it mounted. Two pages of flash each hold one
journal slot and one copy of the identity, because the nRF52840 rewrites a page as a whole: a torn
write costs one page, and the other page still holds the previous record.
"""

import binascii
import json
import struct

import microcontroller

_PAGE = 4096
_RECORD_AT = 0
_RECORD_MAX = 1022
_MARK_AT = 1022
_RESET_NOTE_AT = 1023  # one byte: a cause and one, anything else is no note
_IDENTITY_AT = 1024
_IDENTITY_MAX = 3072  # the keys to some 35 members of a crowd
_CAUSES = 5
ASKED = 0  # persistence.ASKED, for code.py, which imports nothing of the core
_HEAD = "<HI"  # length, CRC-32
_HEAD_SIZE = 6
_ON = 0xA5


def load_identity() -> dict:
    """Return what is known of board, board_id, key, capacity_mJ, meters, profile, loss curves.

    Without them the board shows its state and grants nothing.
    """
    copies = [_read(page * _PAGE + _IDENTITY_AT, _IDENTITY_MAX) for page in range(2)]
    data = copies[0] or copies[1]
    if copies[0] != copies[1]:
        _heal(copies, data)
    return json.loads(data) if data else {}


def _heal(copies: list, data: bytes) -> None:
    """Renew what a power cut has torn or left old: the next cut may take the other copy."""
    try:
        for page in range(2):
            if copies[page] != data:
                _write(page * _PAGE + _IDENTITY_AT, data)
    except Exception:  # noqa: BLE001 - flash that fails must not keep the board from starting
        pass


def save_identity(identity: dict) -> None:
    """Write one page after the other: a power cut leaves the old or the new identity."""
    data = json.dumps(identity).encode()
    if len(data) > _IDENTITY_MAX - _HEAD_SIZE:
        raise ValueError("identity: too long for the board's memory")
    for page in range(2):
        _write(page * _PAGE + _IDENTITY_AT, data)


def in_maintenance() -> bool:
    return microcontroller.nvm[_MARK_AT] == _ON


def set_maintenance(on: bool) -> None:
    """Note maintenance, which takes effect at the next boot."""
    microcontroller.nvm[_MARK_AT] = _ON if on else 0


def note_reset(cause: int) -> None:
    """Tell the next boot why it comes, where the chip cannot: persistence.ASKED and its like."""
    microcontroller.nvm[_RESET_NOTE_AT] = cause + 1


def take_reset_note():
    """Return the cause that was noted before the reset, or None; the next boot finds none."""
    noted = microcontroller.nvm[_RESET_NOTE_AT]
    if not 0 < noted <= _CAUSES:
        return None
    microcontroller.nvm[_RESET_NOTE_AT] = 0
    return noted - 1


def load_slots() -> list:
    return [_read(slot * _PAGE + _RECORD_AT, _RECORD_MAX) for slot in range(2)]


def save_slot(slot: int, record: bytes) -> None:
    _write(slot * _PAGE + _RECORD_AT, record)


def _write(at: int, data: bytes) -> None:
    head = struct.pack(_HEAD, len(data), binascii.crc32(data) & 0xFFFFFFFF)
    microcontroller.nvm[at : at + _HEAD_SIZE + len(data)] = head + data


def _read(at: int, size_max: int) -> bytes:
    """Return what is stored, or nothing if it is not whole."""
    nvm = microcontroller.nvm
    length, checksum = struct.unpack(_HEAD, bytes(nvm[at : at + _HEAD_SIZE]))
    if length > size_max - _HEAD_SIZE:
        return b""
    data = bytes(nvm[at + _HEAD_SIZE : at + _HEAD_SIZE + length])
    return data if binascii.crc32(data) & 0xFFFFFFFF == checksum else b""
