# SPDX-License-Identifier: MIT
"""The board's file system: identity, maintenance mark, journal slots."""

import json
import os

_IDENTITY = "identity.json"
_NEW = "identity.new"
_MAINTENANCE = "maintenance"  # "on", or "flash" while files are copied (see main.py)
_RESET_NOTE = "reset_note"
ASKED = 0  # persistence.ASKED, for main.py, which imports nothing of the core
_SLOTS = ("journal0.bin", "journal1.bin")


def load_identity() -> dict:
    """Return what is known of board, board_id, key, capacity_mJ, meters, profile, loss curves.

    Without them the board shows its state and grants nothing.
    """
    for name in (_IDENTITY, _NEW):  # _NEW exists if power failed before the rename
        try:
            with open(name) as file:
                return json.load(file)
        except (OSError, ValueError):
            pass
    return {}


def save_identity(identity: dict) -> None:
    """Write a temporary file, then rename it: a power cut leaves the old or the new identity."""
    with open(_NEW, "w") as file:
        json.dump(identity, file)
    _sync()
    os.rename(_NEW, _IDENTITY)
    _sync()


def in_maintenance() -> bool:
    return bool(read(_MAINTENANCE))


def set_maintenance(on: bool) -> None:
    """Note maintenance, which takes effect at the next boot."""
    if on:
        write(_MAINTENANCE, b"on")
    else:
        os.remove(_MAINTENANCE)


def note_reset(cause: int) -> None:
    """Tell the next boot why it comes, where the chip cannot: persistence.ASKED and its like."""
    write(_RESET_NOTE, str(cause).encode())


def take_reset_note():
    """Return the cause that was noted before the reset, or None; the next boot finds none."""
    note = read(_RESET_NOTE)
    if note:
        os.remove(_RESET_NOTE)
    return int(note) if note.isdigit() else None


def load_slots() -> list:
    return [read(name) for name in _SLOTS]


def save_slot(slot: int, record: bytes) -> None:
    write(_SLOTS[slot], record)


def read(name: str) -> bytes:
    try:
        with open(name, "rb") as file:
            return file.read()
    except OSError:
        return b""


def write(name: str, data: bytes) -> None:
    with open(name, "wb") as file:
        file.write(data)
    _sync()


def _sync() -> None:
    if hasattr(os, "sync"):
        os.sync()
