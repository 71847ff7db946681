# SPDX-License-Identifier: MIT
"""Give a board its number and a new key, which the host keeps in its keys file."""

from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

from crowdcharge.boards import keys as key_file
from crowdcharge.errors import LineError
from crowdcharge.flash.serial_line import SerialLine
from wptcore.auth import KEY_SIZE
from wptcore.console_commands import fingerprint


def provision(
    line: SerialLine,
    board_id: int,
    path: Path,
    random_bytes: Callable[[int], bytes],
    capacity_mJ: int | None = None,
) -> str:
    """Provisions a board and returns its new key's fingerprint; repeating it rotates the key.

    The host stores the key first: after an interruption between the two, repeating the command
    is enough, and no board ever has a key that nobody knows.
    """
    line.hello()
    key = random_bytes(KEY_SIZE)
    tables = key_file.rotated(path, board_id, key)  # before the board is disturbed
    entered = line.maintain(True)
    try:
        key_file.save(path, *tables)
        line.ask("provision", board_id, key.hex())
        if capacity_mJ is not None:
            line.ask("configure", "capacity_mJ", capacity_mJ)
        found = line.ask("identity")
    finally:
        if entered:
            line.maintain(False)
    expected = fingerprint(sha256, key)
    if (found["board_id"], found["key"]) != (str(board_id), expected):
        raise LineError(f"{line.port}: the board did not keep its key: provision it again")
    return expected
