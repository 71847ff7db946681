# SPDX-License-Identifier: MIT
"""Give a board its number and a new key, which the host keeps in its keys file."""

from collections.abc import Callable, Mapping
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
    profile: Mapping[str, int] | None = None,
) -> str:
    """Provision a board and return its new key's fingerprint; repeating it rotates the key.

    The host notes the key first and makes it the board's when the board shows it: after an
    interruption at any point, repeating the command is enough, and no key is lost. `profile`: what
    the board tightens; empty: no more, None: as before. InputError if the number is another
    board's.
    """
    line.hello()
    key = random_bytes(KEY_SIZE)
    key_file.reserve(path, board_id, key, line.ask("identity")["key"])
    with line.maintenance():
        line.ask("provision", board_id, key.hex())
        if capacity_mJ is not None:
            line.ask("configure", "capacity_mJ", capacity_mJ)
        if profile is not None:
            limits = ",".join(f"{name}={value}" for name, value in profile.items())
            line.ask("configure", "profile", limits or "none")
        found = line.ask("identity")
    expected = fingerprint(sha256, key)
    if (found["board_id"], found["key"]) != (str(board_id), expected):
        raise LineError(f"{line.port}: the board did not keep its key: provision it again")
    key_file.confirm(path, board_id, key)
    return expected
