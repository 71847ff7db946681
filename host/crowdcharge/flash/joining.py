# SPDX-License-Identifier: MIT
"""A crowd's keys and the owner's consent, over the cable; the owner's hold, by radio."""

import secrets

from crowdcharge.boards import codes
from crowdcharge.boards.crowd_file import Crowd
from crowdcharge.boards.link import BoardLink
from crowdcharge.clock import BoardClock
from crowdcharge.errors import GrantRefused, InputError, LineError
from crowdcharge.flash.clearing import heard
from crowdcharge.flash.serial_line import SerialLine
from crowdcharge.radio.base import Radio
from wptcore import ept, wire


def board_on(line: SerialLine) -> int:
    """Return the number of the board; InputError if it has none yet."""
    line.hello()
    board_id = int(line.ask("identity")["board_id"])
    if not board_id:
        raise InputError(f"{line.port}: the board has no number: provision it first")
    return board_id


def join(line: SerialLine, board_id: int, crowd: Crowd) -> None:
    """Make the board a member and give it the keys to all others."""
    written = crowd.membership(board_id)
    peers = written["peers"]
    assert isinstance(peers, dict)
    entered = line.maintain(True)
    try:
        line.ask("crowd", written["id"], written["root"], written["policy"])
        for peer, key in peers.items():
            line.ask("peer", peer, key)
        found = line.ask("identity")
    finally:
        if entered:
            line.maintain(False)
    if (found["crowd"], found["crowd_peers"]) != (str(crowd.id), str(len(peers))):
        raise LineError(f"{line.port}: the board did not keep its keys: join again")


def leave(line: SerialLine) -> None:
    _in_maintenance(line, "crowd", 0, "-", "-")


def consent(line: SerialLine, whom: str, day_mJ: int) -> None:
    _in_maintenance(line, "consent", whom, day_mJ)


async def hold(radio: Radio, board_id: int, key: bytes, held: bool) -> None:
    """End and forbid the board's transfers with other boards, or allow them again."""
    address = await heard(radio, board_id)
    link = await BoardLink.open(radio, address, board_id, key, secrets.token_bytes, BoardClock())
    try:
        ack = await link.command(wire.CONFIGURE, wire.CONFIGURE_HOLD, int(held))
    finally:
        await link.close()
    if ack.code != ept.NONE:
        raise GrantRefused(board_id, ack.code, codes.text(ack.code))


def _in_maintenance(line: SerialLine, *words: object) -> None:
    entered = line.maintain(True)
    try:
        line.ask(*words)
    finally:
        if entered:
            line.maintain(False)
